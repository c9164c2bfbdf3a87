# Copyright (c) monai_r2c contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The same step and inference as `tensorflow_step.py`, by this package: the published networks with three channels."""

from __future__ import annotations

import sys

import torch
from cases import Inference, Setting, Training
from serve import serve

from monai_r2c.utils import keep_freed_memory

if __name__ == "__main__":
    task, size, threads, precision = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.set_num_threads(threads)
    setting = Setting(task, "operational", precision, True, "no", 1, size, channels=3)
    step = (Training if task == "training" else Inference)(setting, torch.device("cpu"))
    if task == "training":
        keep_freed_memory()
    serve(step, f"monai_r2c {precision}, torch {torch.__version__}")

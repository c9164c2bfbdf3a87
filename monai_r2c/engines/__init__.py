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

from __future__ import annotations

from monai_r2c.utils import NonFiniteLossError

from .ahead import lanes_for
from .batch import prepare_image_batch, prepare_unpaired_batch
from .evaluator import R2CEvaluator
from .events import R2CEvents
from .execution import Execution, choose_execution
from .learning_rate import linear_decay
from .trainer import R2CTrainer
from .translation import translate_unpaired

__all__ = [
    "Execution",
    "NonFiniteLossError",
    "R2CEvaluator",
    "R2CEvents",
    "R2CTrainer",
    "choose_execution",
    "lanes_for",
    "linear_decay",
    "prepare_image_batch",
    "prepare_unpaired_batch",
    "translate_unpaired",
]

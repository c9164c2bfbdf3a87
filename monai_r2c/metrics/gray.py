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

import torch

from monai_r2c.utils.metadata import plain_tensor


def mean_of_channels(image: torch.Tensor) -> torch.Tensor:
    """Average ``(channels, rows, columns)`` to ``(1, rows, columns)``, float64, CPU; one channel stays as it is."""
    image = plain_tensor(image).detach().cpu().double()
    return image if len(image) == 1 else image.mean(0, keepdim=True)

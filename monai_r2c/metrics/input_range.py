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

from collections.abc import Sequence

import torch
import torch.nn as nn


def from_unit_range(images: torch.Tensor, input_range: Sequence[float], network: nn.Module) -> torch.Tensor:
    """Scale images in [0, 1] to what a network was trained on, as plain float32 tensors on the network's device."""
    low, high = input_range
    parameter = next(network.parameters(), None)
    device = images.device if parameter is None else parameter.device
    return images.as_subclass(torch.Tensor).to(device).float() * (high - low) + low

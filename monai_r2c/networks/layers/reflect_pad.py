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
import torch.nn as nn
import torch.nn.functional as F


class ReflectPad(nn.Module):
    """Reflect padding of every spatial dimension by the same width, for 1 to 3 of them.

    Args:
        width: pixels added on each side, less than every spatial size.

    Shape:
        Input ``(batch, channels, *spatial)``; output ``(batch, channels, *(spatial + 2 * width))``.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, [self.width] * (2 * (x.dim() - 2)), mode="reflect")

    def extra_repr(self) -> str:
        return f"width={self.width}"

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

from typing import Any

import torch
import torch.nn as nn


class ParallelOperational(nn.Module):
    """A convolution and an operational layer beside it: ``conv(x) + operational(bound(x))``.

    The bound keeps the powers small while the convolution sees the input as it is. With an operational layer of zeros
    the sum is the convolution to the last bit.

    Args:
        conv: the convolution.
        bound: module that brings the input near [-1, 1], such as ``torch.nn.Tanh``.
        operational: layer of the same geometry as `conv`, without bias.

    Shape:
        As `conv`, whose attributes (``stride``, ``weight``, ...) are read here too.
    """

    def __init__(self, conv: nn.Module, bound: nn.Module, operational: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.bound = bound
        self.operational = operational

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_") or "conv" not in self._modules:
                raise
            return getattr(self._modules["conv"], name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + self.operational(self.bound(x))

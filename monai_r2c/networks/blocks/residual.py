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

from .convolution_kind import ConvolutionKind
from .instance_norm import InstanceNorm


class R2CResidualBlock(nn.Module):
    """Residual block of the R2C generators, without an activation after the sum.

    Operational: ``x + norm(op(tanh(norm(op(tanh(x))))))``; plain: ``x + norm(conv(relu(norm(conv(x)))))``. Convolutions
    have kernel 3, reflect padding of 1 and no bias.

    Args:
        kind: plain or operational convolutions.
        channels: of input and output.

    Shape:
        ``(batch, channels, *spatial)`` in and out; every spatial size at least 2.
    """

    def __init__(self, kind: ConvolutionKind, channels: int) -> None:
        super().__init__()
        first = [nn.Tanh()] if kind.operational else []
        between: nn.Module = InplaceTanh() if kind.operational else nn.ReLU(inplace=True)
        self.body = nn.Sequential(*first, *_convolution(kind, channels), between, *_convolution(kind, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x).add_(x)


def _convolution(kind: ConvolutionKind, channels: int) -> list[nn.Module]:
    conv = kind.conv(channels, channels, 3, padding=1, padding_mode="reflect", bias=False)
    return [conv, InstanceNorm(channels, inplace=True)]


class InplaceTanh(nn.Tanh):
    """Hyperbolic tangent that overwrites its input, as ``nn.ReLU(inplace=True)`` does."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return torch.tanh_(input)

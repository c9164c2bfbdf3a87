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

from .chain import Chain, is_spare
from .convolution_kind import ConvolutionKind
from .instance_norm import InstanceNorm


class R2CResidualBlock(nn.Module):
    """Residual block of the R2C generators, without an activation after the sum.

    Operational: ``x + norm(op(act(norm(op(act(x))))))``; plain: ``x + norm(conv(act(norm(conv(x)))))``. Convolutions
    have kernel 3, reflect padding of 1 and no bias. Dropout, if any, follows the norms.

    Args:
        kind: plain or operational convolutions, and what stands between them.
        channels: of input and output.

    Shape:
        ``(batch, channels, *spatial)`` in and out; every spatial size at least 2.
    """

    def __init__(self, kind: ConvolutionKind, channels: int) -> None:
        super().__init__()
        first = [kind.activation()] if kind.operational else []
        convolutions = [kind.conv(channels, channels, 3, padding=1, padding_mode="reflect", bias=False) for _ in "12"]
        self.body = Chain(
            *first, convolutions[0], *kind.after(channels), convolutions[1], *kind.after(channels, activated=False)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = self.body(x)
        if not torch.jit.is_scripting():
            return _sum(x, change, self.body)
        return x + change


@torch.jit.unused
def _sum(x: torch.Tensor, change: torch.Tensor, body: Chain) -> torch.Tensor:
    """Return the sum, in inference in the memory of the change."""
    alike = x.dtype == change.dtype and isinstance(body[-1], InstanceNorm)  # which makes a tensor of its own
    return change.add_(x) if alike and is_spare(change, body, body[-1]) else x + change

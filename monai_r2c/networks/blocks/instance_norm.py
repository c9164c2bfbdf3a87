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
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.overrides import handle_torch_function, has_torch_function_unary

from ..layers.fast_path import FastOperation
from ..layers.powers import empty_like_format, is_channels_last

EPSILON = 1e-3
_CHUNK = 2**17  # elements that go through several operations at a time: they stay in the cache


class InstanceNorm(nn.GroupNorm):
    """Affine instance norm with the published epsilon of 1e-3, for any number of spatial dimensions.

    It is a group norm with one channel a group: the same function as ``torch.nn.InstanceNorm2d`` and its like, without
    the copies that these make of a channels_last input. On the CPU, channels_last inputs are normalised here: torch's
    group norm is slow there, and loses digits with the number of pixels (1e-3 at 512 x 512).

    Args:
        channels: of the input.
        eps: what is added to the variance.

    Shape:
        ``(batch, channels, *spatial)`` in and out, in the memory format of the input.
    """

    def __init__(self, channels: int, eps: float = EPSILON) -> None:
        super().__init__(channels, channels, eps=eps)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_scripting():
            return instance_norm(input, self.weight, self.bias, self._operation())
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    @torch.jit.unused
    def _operation(self) -> ChannelNorm:
        return ChannelNorm(self.num_groups, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_channels}, eps={self.eps}"


def instance_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, norm: ChannelNorm) -> torch.Tensor:
    """Normalise every channel of every image of `x`; MetaTensor keeps its meta, torch.fx records the call."""
    if has_torch_function_unary(x):
        return handle_torch_function(instance_norm, (x,), x, weight, bias, norm)
    return norm(x, weight, bias)


@dataclass  # not frozen: torch.compile of 2.11 and older cannot make one
class ChannelNorm(FastOperation):
    """Instance norm of ``(x, weight, bias)``: in three passes over the image and two backward, chunk by chunk."""

    channels: int
    eps: float

    def plain(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return F.group_norm(x, self.channels, weight, bias, self.eps)

    def suits(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> bool:
        return x.device.type == "cpu" and is_channels_last(x) and x[0, 0].numel() > 1

    def compute(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Return the normalised image; keep the mean and the reciprocal deviation of each channel, in float32."""
        mean = _sum(x) / x[0, 0].numel()
        squares = torch.zeros_like(mean)
        for rows in _chunks(x):
            squares += _sum((rows - mean).square_())
        scale = (squares / x[0, 0].numel() + self.eps).rsqrt()
        factor = scale * _by_channel(weight, x)
        offset = _by_channel(bias, x) - mean * factor
        y = empty_like_format(x, x.shape[1], x.shape[2:])
        for rows, result in zip(_chunks(x), _chunks(y)):
            _write(result, offset, rows, factor)
        return y, (mean, scale)

    def differentiate(
        self, gradient: torch.Tensor, tensors: Sequence[Any], kept: Sequence[torch.Tensor], needs: Sequence[bool]
    ) -> Sequence[torch.Tensor | None]:
        (x, weight, _), (mean, scale) = tensors, kept
        along, level = torch.zeros_like(mean), torch.zeros_like(mean)
        for rows, slope in zip(_chunks(x), _chunks(gradient)):
            level += _sum(slope)
            along += _sum((rows - mean).mul_(slope))
        by_weight, by_bias = (along * scale).sum(0).flatten(), level.sum(0).flatten()
        if not needs[0]:
            return None, by_weight, by_bias
        # weight * scale * (gradient - its mean - its part along the normalised image)
        pixels = x[0, 0].numel()
        factor = scale * _by_channel(weight, x)
        part = -factor * along / pixels * scale.square()
        offset = -factor * level / pixels - mean * part
        by_x = empty_like_format(x, x.shape[1], x.shape[2:])
        for rows, slope, result in zip(_chunks(x), _chunks(gradient), _chunks(by_x)):
            _write(result, torch.addcmul(offset, rows.to(mean.dtype), part), slope, factor)
        return by_x, by_weight, by_bias


def _chunks(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Split `x` into as many rows at a time as the cache holds."""
    return x.split(max(1, _CHUNK * x.shape[2] // x.numel()), 2)


def _write(out: torch.Tensor, offset: torch.Tensor, x: torch.Tensor, factor: torch.Tensor) -> None:
    """Compute ``offset + x * factor`` in the precision of `offset`; of mixed types torch's operation is slow."""
    if out.dtype == offset.dtype:
        torch.addcmul(offset, x, factor, out=out)
    else:
        out.copy_(torch.addcmul(offset, x.to(offset.dtype), factor))


def _sum(x: torch.Tensor) -> torch.Tensor:
    dtype = torch.promote_types(x.dtype, torch.float32)
    return x.sum(tuple(range(2, x.dim())), keepdim=True, dtype=dtype)


def _by_channel(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return values.view(1, -1, *(1,) * (x.dim() - 2))

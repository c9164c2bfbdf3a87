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
import torch.nn.functional as F

from ..layers.powers import empty_like_format, is_channels_last
from ..layers.tracing import is_traced

EPSILON = 1e-3
_CHUNK = 2**17  # elements that go through several operations at a time: they stay in the cache


class InstanceNorm(nn.GroupNorm):
    """Affine instance norm with the published epsilon of 1e-3, for any number of spatial dimensions.

    It is a group norm with one channel a group: the same function as ``torch.nn.InstanceNorm2d`` and its like, without
    the copies that these make of a channels_last input. On the CPU, channels_last inputs are normalised here: torch's
    group norm is slow there, and loses digits with the number of pixels (1e-3 at 512 x 512).

    Args:
        channels: of the input.
        inplace: whether the input may be overwritten where no gradient is needed, because nobody else reads it.

    Shape:
        ``(batch, channels, *spatial)`` in and out, in the memory format of the input.
    """

    def __init__(self, channels: int, inplace: bool = False) -> None:
        super().__init__(channels, channels, eps=EPSILON)
        self.inplace = inplace

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_scripting():
            return _normalise(input, self.weight, self.bias, self.eps, self.inplace)
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_channels}, eps={self.eps}, inplace={self.inplace}"


def _normalise(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float, inplace: bool) -> torch.Tensor:
    if is_traced(x) or x.device.type != "cpu" or not is_channels_last(x):
        return F.group_norm(x, x.shape[1], weight, bias, eps)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, weight, bias)):
        return _ChannelsLastNorm.apply(x, weight, bias, eps)
    with torch.no_grad():
        return _statistics_and_result(x, weight, bias, eps, inplace)[0]


def _statistics_and_result(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float, inplace: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the normalised image, and the mean and the reciprocal deviation of each channel in float32."""
    mean = _sum(x) / x[0, 0].numel()
    squares = torch.zeros_like(mean)
    for rows in _chunks(x):
        squares += _sum((rows - mean).square_())
    scale = (squares / x[0, 0].numel() + eps).rsqrt()
    factor, offset = scale * _by_channel(weight, x), _by_channel(bias, x)
    y = x if inplace else empty_like_format(x, x.shape[1], x.shape[2:])
    for rows, result in zip(_chunks(x), _chunks(y)):
        centred = _centre(rows, mean, result)
        result.copy_(torch.addcmul(offset, centred, factor, out=centred))
    return y, mean, scale


class _ChannelsLastNorm(torch.autograd.Function):
    """Instance norm in three passes over the image forward and two backward, chunk by chunk."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
        y, mean, scale = _statistics_and_result(x, weight, bias, eps)
        ctx.eps = eps
        ctx.save_for_backward(x, weight, bias, mean, scale)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, ...]:
        x, weight, bias, mean, scale = ctx.saved_tensors
        gradient = gradients[0]
        if torch.is_grad_enabled():  # for a gradient of the gradient
            y = F.group_norm(x, x.shape[1], weight, bias, ctx.eps)
            return *torch.autograd.grad(y, (x, weight, bias), gradient, create_graph=True), None
        along, level = torch.zeros_like(mean), torch.zeros_like(mean)
        for rows, slope in zip(_chunks(x), _chunks(gradient)):
            level += _sum(slope)
            along += _sum((rows - mean).mul_(slope))
        by_weight, by_bias = (along * scale).sum(0).flatten(), level.sum(0).flatten()
        # weight * scale * (gradient - its mean - its part along the normalised image)
        pixels = x[0, 0].numel()
        factor = scale * _by_channel(weight, x)
        offset, part = -factor * level / pixels, -factor * along / pixels * scale.square()
        by_x = empty_like_format(x, x.shape[1], x.shape[2:])
        for rows, slope, result in zip(_chunks(x), _chunks(gradient), _chunks(by_x)):
            centred = _centre(rows, mean, result)
            result.copy_(torch.addcmul(offset, centred, part, out=centred).addcmul_(slope, factor))
        return by_x, by_weight, by_bias, None


def _chunks(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Split `x` into as many rows at a time as the cache holds."""
    return x.split(max(1, _CHUNK * x.shape[2] // max(x.numel(), 1)), 2)


def _centre(x: torch.Tensor, mean: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Subtract the mean into `out`, or into a new tensor where `out` has fewer digits than the mean."""
    return torch.sub(x, mean, out=out) if out.dtype == mean.dtype else x - mean


def _sum(x: torch.Tensor) -> torch.Tensor:
    dtype = torch.promote_types(x.dtype, torch.float32)
    return x.sum(tuple(range(2, x.dim())), keepdim=True, dtype=dtype)


def _by_channel(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return values.view(1, -1, *(1,) * (x.dim() - 2))

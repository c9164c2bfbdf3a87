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

from ..layers.powers import is_channels_last
from ..layers.tracing import is_traced

EPSILON = 1e-3
_CHUNK = 2**20  # elements whose products are summed at a time: they stay in the cache


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
        return _ChannelsLastNorm.apply(x, weight, bias, eps)[0]
    with torch.no_grad():
        return _statistics_and_result(x, weight, bias, eps, inplace)[0]


def _statistics_and_result(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float, inplace: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the normalised image, and the mean and the reciprocal deviation of each channel in float32."""
    mean = _mean(x)
    y = x.sub_(mean) if inplace and x.dtype == mean.dtype else x - mean
    scale = (_mean_of_product(y, y) + eps).rsqrt()
    torch.addcmul(_by_channel(bias, x), y, scale * _by_channel(weight, x), out=y)
    return y.to(x.dtype), mean, scale


class _ChannelsLastNorm(torch.autograd.Function):
    """Instance norm in passes over the whole image that are each as fast as memory."""

    @staticmethod
    def forward(
        x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return _statistics_and_result(x, weight, bias, eps)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        x, weight, bias, ctx.eps = inputs
        _, mean, scale = output
        ctx.mark_non_differentiable(mean, scale)
        ctx.save_for_backward(x, weight, bias, mean, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, ...]:
        x, weight, bias, mean, scale = ctx.saved_tensors
        gradient = gradients[0]
        if torch.is_grad_enabled():  # for a gradient of the gradient
            y = F.group_norm(x, x.shape[1], weight, bias, ctx.eps)
            return *torch.autograd.grad(y, (x, weight, bias), gradient, create_graph=True), None
        centred = x - mean
        along = _mean_of_product(gradient, centred)
        level = _mean(gradient)
        pixels = x[0, 0].numel()
        by_weight, by_bias = (along * scale * pixels).sum(0).flatten(), (level * pixels).sum(0).flatten()
        # weight * scale * (gradient - its mean - its part along the normalised image)
        factor = scale * _by_channel(weight, x)
        by_x = torch.addcmul(-factor * level, centred, -factor * along * scale.square(), out=centred)
        by_x.addcmul_(gradient, factor)
        return by_x.to(x.dtype), by_weight, by_bias, None


def _mean(x: torch.Tensor) -> torch.Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))


def _mean_of_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean over the pixels of ``a * b``, of which only some rows stand in memory at a time."""
    rows = max(1, _CHUNK * a.shape[2] // a.numel())
    dims = tuple(range(2, a.dim()))
    parts = [(p * q).sum(dims, keepdim=True) for p, q in zip(a.split(rows, 2), b.split(rows, 2))]
    return torch.stack(parts).sum(0) / a[0, 0].numel()


def _by_channel(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return values.view(1, -1, *(1,) * (x.dim() - 2))

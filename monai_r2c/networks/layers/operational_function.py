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

from typing import Any, NamedTuple

import torch

from .edges import Edges
from .powers import derive_powers, empty_like_format, expand_powers, fill_powers
from .tracing import is_traced
from .weight_gradient import prefers_products, products_by_position

# The powers of a strip of rows may take this much memory when no gradient is needed. On the CPU they then stay in the
# cache; elsewhere a strip must be large enough to fill the device.
_CPU_STRIP_BYTES = 8 * 2**20
_OTHER_STRIP_BYTES = 512 * 2**20


class Geometry(NamedTuple):
    """How an operational layer lies over its input.

    Attributes:
        order: highest power.
        edges: padding of the input, where it is not the convolution's own padding with zeros.
        stride, padding, dilation, transposed, output_padding, groups: as of ``torch.convolution``.
    """

    order: int
    edges: Edges
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int

    def fill(self, x: torch.Tensor) -> torch.Tensor:
        """Return the padded powers of `x`, unseen by autograd."""
        return fill_powers(x, self.order, self.groups, self.edges)

    def expand(self, x: torch.Tensor) -> torch.Tensor:
        """Return the padded powers of `x` in plain operations."""
        return expand_powers(self.edges.pad(x), self.order, self.groups, x.dim() - len(self.stride) - 1)

    def convolve(self, powers: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return torch.convolution(powers, weight, bias, *self[2:])

    def is_dense(self) -> bool:
        """Whether it is a convolution of all channels at every pixel, without padding of its own."""
        plain = not self.transposed and self.groups == 1
        return plain and not any(self.padding) and all(stride == 1 for stride in self.stride)

    def compute(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Fill the powers of `x` and convolve them in the fastest way, unseen by autograd."""
        powers, dims = self.fill(x), len(self.stride)
        few_channels = weight.shape[1] <= 4 and self.groups == 1
        if self.transposed and few_channels and dims > 1 and x.device.type == "cpu":
            # torch's own product of matrices, whose name belies it: oneDNN takes five times as long here
            slow = (torch.ops.aten.slow_conv_transpose2d, torch.ops.aten.slow_conv_transpose3d)[dims - 2]
            kernel = weight.shape[2:]
            return slow(powers, weight, kernel, bias, self.stride, self.padding, self.output_padding, self.dilation)
        return self.convolve(powers, weight, bias)


def operational_convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, geometry: Geometry
) -> torch.Tensor:
    """Convolve the powers of `x`, keeping neither the powers nor a padded copy of `x` for the backward pass.

    Where no gradient is needed a large input goes through strip by strip, so that its powers never stand in memory
    as a whole. The result is that of the convolution of `expand_powers` within rounding.

    Args:
        x: ``(batch, channels, *spatial)`` or without batch.
        weight: as of the operational layers.
        bias: ``(out_channels,)`` or None.
        geometry: see `Geometry`.

    Returns:
        What the convolution, or transposed convolution, gives, in the memory format of `x`.
    """
    if not isinstance(x, torch.Tensor):  # traced by torch.fx
        return geometry.convolve(geometry.expand(x), weight, bias)
    if x.dim() == weight.dim() - 1:
        return operational_convolution(x.unsqueeze(0), weight, bias, geometry).squeeze(0)
    x, weight, bias = _autocast(x, weight, bias)
    if is_traced(x):
        return geometry.convolve(geometry.expand(x), weight, bias)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, weight, bias)):
        return _OperationalFunction.apply(x, weight, bias, geometry)
    with torch.no_grad():
        return _in_strips(x, weight, bias, geometry)


class _OperationalFunction(torch.autograd.Function):
    """The convolution of powers as one node of autograd, which saves the input and computes its powers again."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, geometry: Geometry
    ) -> torch.Tensor:
        ctx.geometry = geometry
        ctx.save_for_backward(x, weight)
        ctx.bias_sizes = None if bias is None else list(bias.shape)
        return geometry.compute(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        geometry: Geometry = ctx.geometry
        differentiable = torch.is_grad_enabled()  # for a gradient of the gradient
        powers = geometry.expand(x) if differentiable else geometry.fill(x)
        by_products = not differentiable and geometry.is_dense() and prefers_products(powers, gradients[0])
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        by_powers, by_weight, by_bias = torch.ops.aten.convolution_backward(
            gradients[0],
            powers,
            weight,
            ctx.bias_sizes,
            *geometry[2:],
            [needs_x, needs_weight and not by_products, needs_bias],
        )
        if needs_weight and by_products:
            by_weight = products_by_position(powers, gradients[0], weight, geometry.dilation)
        if not needs_x:
            by_x = None
        elif differentiable:
            (by_x,) = torch.autograd.grad(powers, x, by_powers, create_graph=True)
        else:
            by_x = derive_powers(powers, by_powers, geometry.order, geometry.groups, geometry.edges)
        return by_x, by_weight, by_bias, None


def _in_strips(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, geometry: Geometry) -> torch.Tensor:
    budget = _CPU_STRIP_BYTES if x.device.type == "cpu" else _OTHER_STRIP_BYTES
    rows = budget * x.shape[2] // max(geometry.order * x.numel() * x.element_size(), 1)
    reach = geometry.dilation[0] * (weight.shape[2] - 1) + 1
    rows = max(rows, 4 * reach)  # shorter strips would compute too many rows twice
    if rows >= x.shape[2] or (geometry.order == 1 and geometry.edges.is_empty()):
        return geometry.compute(x, weight, bias)
    if geometry.transposed:
        return _transposed_strips(x, weight, bias, geometry, rows, reach)
    return _strips(x, weight, bias, geometry, rows, reach)


def _strips(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, geometry: Geometry, rows: int, reach: int
) -> torch.Tensor:
    """Compute the output from one strip of rows after the other, each with the input rows that it reaches."""
    edges, stride, length = geometry.edges, geometry.stride[0], x.shape[2]
    if any(geometry.padding):  # zeros at the ends alone, not around every strip
        edges = Edges(geometry.padding, geometry.padding, "constant")
        geometry = geometry._replace(padding=(0,) * len(geometry.padding))
    if 2 * max(edges.before[0], edges.after[0]) >= reach or edges.mode == "circular":
        x = fill_powers(x, 1, 1, edges)  # an edge may come from rows that its strip does not have
        edges, length = Edges.none(x.dim() - 2), x.shape[2]
    total = (edges.around(x.shape[2:])[0] - reach) // stride + 1
    step = max(rows // stride, 1)
    result: torch.Tensor | None = None
    for start in range(0, total, step):
        stop = min(start + step, total)
        first, last = start * stride - edges.before[0], (stop - 1) * stride - edges.before[0] + reach
        above, below = max(-first, 0), max(last - length, 0)
        strip_edges = edges._replace(before=(above, *edges.before[1:]), after=(below, *edges.after[1:]))
        strip = geometry._replace(edges=strip_edges)
        part = strip.compute(x[:, :, first + above : last - below], weight, bias)
        if result is None:
            result = empty_like_format(part, part.shape[1], (total, *part.shape[3:]))
        result[:, :, start:stop] = part
    assert result is not None
    return result


def _transposed_strips(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, geometry: Geometry, rows: int, reach: int
) -> torch.Tensor:
    """Add up what each strip of input rows contributes to the output, then cut the padding off."""
    stride, padding, extra = geometry.stride[0], geometry.padding[0], geometry.output_padding[0]
    strip = geometry._replace(padding=(0, *geometry.padding[1:]), output_padding=(0, *geometry.output_padding[1:]))
    result: torch.Tensor | None = None
    for start in range(0, x.shape[2], rows):
        part = strip.compute(x[:, :, start : start + rows], weight, None)
        if result is None:
            total = (x.shape[2] - 1) * stride + reach + extra
            result = empty_like_format(part, part.shape[1], (total, *part.shape[3:])).zero_()
        result[:, :, start * stride : start * stride + part.shape[2]] += part
    assert result is not None
    if bias is not None:
        result += bias.view(-1, *(1,) * (x.dim() - 2))
    return result[:, :, padding : result.shape[2] - padding]


def _autocast(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Cast as autocast would for a convolution, before the powers: they then are of the low precision too."""
    device = x.device.type
    if torch.is_autocast_enabled(device) and x.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
        return x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    return x, weight, bias

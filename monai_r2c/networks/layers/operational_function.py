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

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import handle_torch_function, has_torch_function_variadic

from . import winograd
from .edges import Edges
from .fast_path import FastOperation
from .powers import derive_powers, empty_like_format, expand_powers, fill_powers

# The powers of a strip of rows may take this much memory when no gradient is needed. On the CPU they then stay in the
# cache; elsewhere a strip must be large enough to fill the device.
_CPU_STRIP_BYTES = 8 * 2**20
_OTHER_STRIP_BYTES = 512 * 2**20

_CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
_TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
# torch's own products of matrices, whose names belie them: with few output channels oneDNN takes five times as long
_FAST_TRANSPOSED = (None, torch.ops.aten.slow_conv_transpose2d, torch.ops.aten.slow_conv_transpose3d)
_FEW_CHANNELS = 4


def operational_convolution(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, convolution: ConvolutionOfPowers
) -> torch.Tensor:
    """Convolve the powers of `x`, keeping neither the powers nor a padded copy of `x` for the backward pass.

    Where no gradient is needed a large input goes through strip by strip, so that its powers never stand in memory
    as a whole. The result is that of the convolution of `expand_powers` within rounding.

    Args:
        x: ``(batch, channels, *spatial)`` or without batch.
        weight: as of the operational layers.
        bias: ``(out_channels,)`` or None.
        convolution: how it lies over `x`.

    Returns:
        What the convolution, or transposed convolution, gives, in the memory format of `x`.

    Raises:
        ValueError: when `x` has other channels or spatial dimensions than the weight.
    """
    if has_torch_function_variadic(x, weight):  # MetaTensor keeps its meta, torch.fx records the call
        return handle_torch_function(operational_convolution, (x, weight), x, weight, bias, convolution)
    if not torch.jit.is_tracing():
        check_channels(list(x.shape), convolution.in_channels(weight), len(convolution.stride))
    if x.dim() == weight.dim() - 1:
        return operational_convolution(x.unsqueeze(0), weight, bias, convolution).squeeze(0)
    return convolution(*_autocast(x, weight, bias))


def check_channels(shape: list[int], channels: int, spatial_dims: int) -> None:
    """Refuse an image with other channels or spatial dimensions than a layer takes, with or without batch."""
    before = len(shape) - spatial_dims
    if before < 1 or before > 2 or shape[before - 1] != channels:
        raise ValueError(
            f"the layer takes (batch, {channels}, *spatial) or ({channels}, *spatial) with {spatial_dims} spatial "
            f"dimensions, got shape {list(shape)}."
        )


@dataclass  # not frozen: torch.compile of 2.11 and older cannot make one
class ConvolutionOfPowers(FastOperation):
    """What an operational layer computes of ``(x, weight, bias)``.

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

    def in_channels(self, weight: torch.Tensor) -> int:
        return weight.shape[0] // self.order if self.transposed else weight.shape[1] // self.order * self.groups

    def plain(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        dims = len(self.stride)
        powers = expand_powers(self.edges.pad(x), self.order, self.groups)
        if self.transposed:
            last = (self.output_padding, self.groups, self.dilation)
            return _TRANSPOSED[dims - 1](powers, weight, bias, self.stride, self.padding, *last)
        return _CONVOLUTIONS[dims - 1](powers, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def compute(
        self,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        numbers: Callable[[], torch.Tensor | None] = lambda: None,
    ) -> tuple[torch.Tensor, tuple[()]]:
        if self._suits_winograd(x, weight):
            powers = fill_powers(x, self.order, 1, self._all_edges())
            return winograd.convolve(powers, weight, bias, numbers()), ()
        powers = self._fill(x)
        fast = _FAST_TRANSPOSED[len(self.stride) - 1] if self.transposed and self.groups == 1 else None
        if fast is None or weight.shape[1] > _FEW_CHANNELS or x.device.type != "cpu":
            return torch.convolution(powers, weight, bias, *self._geometry()), ()
        last = (self.stride, self.padding, self.output_padding, self.dilation)
        return fast(powers, weight, weight.shape[2:], bias, *last), ()

    def differentiate(
        self, gradient: torch.Tensor, tensors: Sequence[Any], kept: Sequence[torch.Tensor], needs: Sequence[bool]
    ) -> Sequence[torch.Tensor | None]:
        x, weight, bias = tensors
        if self._suits_winograd(x, weight):
            return self._differentiate_winograd(gradient, x, weight, needs)
        powers = self._fill(x)
        sizes = None if bias is None else list(bias.shape)
        by_powers, by_weight, by_bias = torch.ops.aten.convolution_backward(
            gradient, powers, weight, sizes, *self._geometry(), list(needs)
        )
        by_x = derive_powers(powers, by_powers, self.order, self.groups, self.edges) if needs[0] else None
        return by_x, by_weight, by_bias

    def infer(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        budget = _CPU_STRIP_BYTES if x.device.type == "cpu" else _OTHER_STRIP_BYTES
        rows = budget * x.shape[2] // (self.order * x.numel() * x.element_size())
        reach = self.dilation[0] * (weight.shape[2] - 1) + 1
        rows = max(rows, 4 * reach)  # shorter strips would compute too many rows twice
        if rows >= x.shape[2] or (self.order == 1 and self.edges.is_empty()):
            return self.compute(x, weight, bias)[0]
        return (_transposed_strips if self.transposed else _strips)(x, weight, bias, self, rows, reach)

    def _suits_winograd(self, x: torch.Tensor, weight: torch.Tensor) -> bool:
        edges = self._all_edges()
        return (
            set(self.stride) == set(self.dilation) == {1}
            and not self.transposed
            and self.groups == 1
            and winograd.pays(x, weight, edges.around(x.shape[2:]))
        )

    def _differentiate_winograd(
        self, gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, needs: Sequence[bool]
    ) -> Sequence[torch.Tensor | None]:
        edges = self._all_edges()
        powers = fill_powers(x, self.order, 1, edges)
        by_x = by_weight = None
        if needs[0]:
            by_powers = winograd.gradient_of_image(gradient, weight)
            by_x = derive_powers(powers, by_powers, self.order, 1, edges)
        if needs[1]:
            by_weight = winograd.gradient_of_weight(gradient, powers)
        return by_x, by_weight, gradient.sum((0, 2, 3)) if needs[2] else None

    def _all_edges(self) -> Edges:
        """Padding of the input, the convolution's own included."""
        return Edges(self.padding, self.padding) if any(self.padding) else self.edges

    def _fill(self, x: torch.Tensor) -> torch.Tensor:
        return fill_powers(x, self.order, self.groups, self.edges)

    def _geometry(self) -> tuple[Any, ...]:
        """Arguments of ``torch.convolution`` after the tensors."""
        return self.stride, self.padding, self.dilation, self.transposed, self.output_padding, self.groups


def _strips(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    convolution: ConvolutionOfPowers,
    rows: int,
    reach: int,
) -> torch.Tensor:
    """Compute the output from one strip of rows after the other, each with the input rows that it reaches."""
    edges, padding, stride, length = convolution.edges, convolution.padding, convolution.stride[0], x.shape[2]
    none = (0,) * len(padding)
    if any(padding):  # zeros at the ends alone, not around every strip
        edges = Edges(padding, padding)
    if 2 * max(edges.before[0], edges.after[0]) >= reach or edges.mode == "circular":
        x = fill_powers(x, 1, 1, edges)  # an edge may come from rows that its strip does not have
        edges, length = Edges(none, none), x.shape[2]
    total = (edges.around(x.shape[2:])[0] - reach) // stride + 1
    strips = math.ceil(total / max(rows // stride, 1))
    step = winograd.ROWS * math.ceil(total / strips / winograd.ROWS)  # of one length
    numbers = functools.cache(lambda: winograd.numbers_of(weight))  # once for all strips
    result: torch.Tensor | None = None
    for start in range(0, total, step):
        stop = min(start + step, total)
        first, last = start * stride - edges.before[0], (stop - 1) * stride - edges.before[0] + reach
        above, below = max(-first, 0), max(last - length, 0)
        strip_edges = Edges((above, *edges.before[1:]), (below, *edges.after[1:]), edges.mode)
        strip = replace(convolution, edges=strip_edges, padding=none)
        part, _ = strip.compute(x[:, :, first + above : last - below], weight, bias, numbers)
        if result is None:
            result = empty_like_format(part, part.shape[1], (total, *part.shape[3:]))
        result[:, :, start:stop] = part
    assert result is not None
    return result


def _transposed_strips(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    convolution: ConvolutionOfPowers,
    rows: int,
    reach: int,
) -> torch.Tensor:
    """Add up what each strip of input rows contributes to those rows of the output that the padding leaves."""
    stride, padding, extra = convolution.stride[0], convolution.padding[0], convolution.output_padding[0]
    total = (x.shape[2] - 1) * stride + reach + extra - 2 * padding
    strip = replace(
        convolution, padding=(0, *convolution.padding[1:]), output_padding=(0, *convolution.output_padding[1:])
    )
    result: torch.Tensor | None = None
    for start in range(0, x.shape[2], rows):
        part, _ = strip.compute(x[:, :, start : start + rows], weight, None)
        if result is None:
            result = empty_like_format(part, part.shape[1], (total, *part.shape[3:])).zero_()
            if bias is not None:
                result += bias.view(-1, *(1,) * (x.dim() - 2))
        first = start * stride - padding
        above, below = max(-first, 0), min(part.shape[2], total - first)
        if above < below:
            result[:, :, first + above : first + below] += part[:, :, above:below]
    assert result is not None
    return result


def _autocast(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Cast as autocast would for a convolution, before the powers: they then are of the low precision too."""
    device = x.device.type
    if torch.is_autocast_enabled(device) and x.is_floating_point() and x.dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
        return x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
    return x, weight, bias

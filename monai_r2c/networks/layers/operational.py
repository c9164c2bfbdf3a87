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

# torch's own transposed convolutions call these functions with the same tuples, which their annotations do not admit
# mypy: disable-error-code="arg-type, operator"

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.layers.factories import Conv

from .edges import Edges
from .operational_function import ConvolutionOfPowers, check_channels, operational_convolution
from .powers import expand_powers, split_powers


class OperationalLayer(nn.Module):
    """What the operational layers share: the powers of the input and kernels that are ordered by power.

    The layer of order q computes ``y = sum over i = 1..q of conv_i(x^i)`` as one convolution over the channels
    ``(x, x^2, ..., x^q)``; powers are chained products, so they stay in the precision of `x`. The powers need an input
    bounded near [-1, 1]: put a tanh before the layer where nothing else bounds it.
    """

    if TYPE_CHECKING:  # TorchScript cannot read annotations written as strings
        in_channels: int
        out_channels: int
        groups: int
        transposed: bool
        stride: tuple[int, ...]
        dilation: tuple[int, ...]
        order: int
        higher_order_scale: float
        weight: torch.Tensor
        bias: torch.Tensor | None
        bound: nn.Module | None

    def __init__(
        self,
        in_channels: int,
        *args: Any,
        order: int = 3,
        higher_order_scale: float = 1.0,
        bound: nn.Module | None = None,
        **kwargs: Any,
    ) -> None:
        check_order(order)
        # set first: torch's constructor calls reset_parameters, which needs them
        self.order = order
        self.higher_order_scale = higher_order_scale
        super().__init__(order * in_channels, *args, **kwargs)
        if in_channels % self.groups:  # torch has only checked order * in_channels
            raise ValueError(f"in_channels must be divisible by groups, got {in_channels} and {self.groups}.")
        self.in_channels = in_channels
        self.bound = bound

    def split_weight(self) -> torch.Tensor:
        """View the weight with the power as its first dimension and the groups of input channels apart.

        Returns:
            ``(order, out, 1, in / groups, *kernel)``, or ``(order, groups, in / groups, out / groups, *kernel)`` for a
            transposed layer.
        """
        if self.transposed:
            return split_powers(self.weight, self.order, self.groups, 0)
        return split_powers(self.weight, self.order, 1, 1)

    def kernels_by_power(self) -> torch.Tensor:
        """Rearrange the weight so that the power is its first dimension.

        Returns:
            ``(order, out, in / groups, *kernel)``, or ``(order, in, out / groups, *kernel)`` for a transposed layer: a
            view, or for a transposed layer with groups a copy.
        """
        groups_dim = 1 if self.transposed else 2
        return self.split_weight().flatten(groups_dim, groups_dim + 1)

    def reset_parameters(self) -> None:
        """Draw every power's kernel as torch draws one convolution's, then scale the kernels of order 2 and up."""
        fan_in = self.weight.shape[1] * math.prod(self.weight.shape[2:])
        if not self.transposed:
            fan_in //= self.order
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        self.scale_higher_orders(self.higher_order_scale)

    @torch.no_grad()
    def scale_higher_orders(self, scale: float) -> None:
        """Multiply the kernels of order 2 and up by `scale`, in place."""
        if self.order > 1 and scale != 1.0:
            self.split_weight()[1:].mul_(scale)

    def _powers(self, input: torch.Tensor) -> torch.Tensor:
        """Check, bound and expand the input, for TorchScript."""
        check_channels(list(input.shape), self.in_channels, len(self.stride))
        if self.bound is not None:
            input = self.bound(input)
        return expand_powers(input, self.order, self.groups, input.dim() - len(self.stride) - 1)

    def _convolve(
        self, input: torch.Tensor, edges: Edges, padding: tuple[int, ...], output_padding: tuple[int, ...]
    ) -> torch.Tensor:
        if self.bound is not None:
            input = self.bound(input)
        convolution = ConvolutionOfPowers(
            self.order, edges, self.stride, padding, self.dilation, self.transposed, output_padding, self.groups
        )
        return operational_convolution(input, self.weight, self.bias, convolution)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in ("weight", "bias"):  # of a bounded layer that was written as Sequential(bound, conv)
            if self.bound is not None and f"{prefix}conv.{name}" in state_dict:
                state_dict[prefix + name] = state_dict.pop(f"{prefix}conv.{name}")
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, order={self.order}"


def check_order(order: Any) -> None:
    """Refuse an order that is no integer of at least 1; True is none."""
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be an integer of at least 1, got {order!r}.")


class _OperationalConv(OperationalLayer):
    if TYPE_CHECKING:
        padding_mode: Any
        _reversed_padding_repeated_twice: list[int]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_scripting():
            return self._convolve_padded(input)
        return self._conv_forward(self._powers(input), self.weight, self.bias)

    def _convolve_padded(self, input: torch.Tensor) -> torch.Tensor:
        around = self._reversed_padding_repeated_twice  # the last dimension first
        mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        edges = Edges(tuple(around[-2::-2]), tuple(around[-1::-2]), mode)
        none = (0,) * len(edges.before)
        if mode == "constant" and edges.before == edges.after:
            return self._convolve(input, Edges.none(len(none)), edges.before, none)
        return self._convolve(input, edges, none, none)


class OperationalConv1d(_OperationalConv, nn.Conv1d):
    """Operational (Self-ONN) convolution of 1-D signals. See `OperationalConv2d`."""


class OperationalConv2d(_OperationalConv, nn.Conv2d):
    """Operational (Self-ONN) convolution of 2-D images: ``y = sum over i = 1..order of conv_i(x^i)``.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode: as in
            ``torch.nn.Conv2d``. With groups, every group sees the powers of its own channels.
        order: highest power q, at least 1; order 1 is the plain convolution.
        higher_order_scale: factor on the initial kernels of order 2 and up. The published value is 1; 0 starts as a
            plain convolution.
        bound: module that the input passes first, to bring it near [-1, 1], such as ``torch.nn.Tanh()``; None leaves
            the input as it is.

    Shape:
        Input ``(batch, in_channels, rows, columns)`` or without batch, best within [-1, 1]; output as
        ``torch.nn.Conv2d``.
        Weight ``(out_channels, order * in_channels / groups, *kernel_size)``: within each group, powers 1 to order.

    Raises:
        ValueError: when `order` is no integer of at least 1, when an input has other channels or spatial dimensions,
            or as ``torch.nn.Conv2d`` does.

    Source: Kiranyaz et al., "Self-organized operational neural networks with generative neurons", Neural Networks 140
    (2021) 294-308, with the q convolutions of the R2C-GAN paper (arXiv:2209.14770) joined into one.

    Example:
        >>> layer = OperationalConv2d(4, 8, kernel_size=3, padding=1, order=3)
        >>> layer(torch.rand(2, 4, 16, 16)).shape
        torch.Size([2, 8, 16, 16])
    """


class OperationalConv3d(_OperationalConv, nn.Conv3d):
    """Operational (Self-ONN) convolution of 3-D volumes. See `OperationalConv2d`."""


class _OperationalConvTranspose(OperationalLayer):
    if TYPE_CHECKING:
        kernel_size: tuple[int, ...]
        padding: Any
        output_padding: tuple[int, ...]
        _output_padding: Any

    def forward(self, input: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        dims = len(self.stride)
        padding = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, dims, self.dilation
        )
        if not torch.jit.is_scripting():
            return self._convolve_unpadded(input, padding)
        powers, weight, bias, stride = self._powers(input), self.weight, self.bias, self.stride
        if dims == 1:
            return F.conv_transpose1d(powers, weight, bias, stride, self.padding, padding, self.groups, self.dilation)
        if dims == 2:
            return F.conv_transpose2d(powers, weight, bias, stride, self.padding, padding, self.groups, self.dilation)
        return F.conv_transpose3d(powers, weight, bias, stride, self.padding, padding, self.groups, self.dilation)

    def _convolve_unpadded(self, input: torch.Tensor, output_padding: list[int]) -> torch.Tensor:
        return self._convolve(input, Edges.none(len(self.stride)), self.padding, tuple(output_padding))


class OperationalConvTranspose1d(_OperationalConvTranspose, nn.ConvTranspose1d):
    """Operational (Self-ONN) transposed convolution of 1-D signals. See `OperationalConvTranspose2d`."""


class OperationalConvTranspose2d(_OperationalConvTranspose, nn.ConvTranspose2d):
    """Operational (Self-ONN) transposed convolution of 2-D images.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode:
            as in ``torch.nn.ConvTranspose2d``.
        order, higher_order_scale, bound: see `OperationalConv2d`.

    Shape:
        As ``torch.nn.ConvTranspose2d``. Weight ``(order * in_channels, out_channels / groups, *kernel_size)``: group by
        group, and within a group powers 1 to order.

    Raises:
        ValueError: as `OperationalConv2d`, or as ``torch.nn.ConvTranspose2d`` does.
    """


class OperationalConvTranspose3d(_OperationalConvTranspose, nn.ConvTranspose3d):
    """Operational (Self-ONN) transposed convolution of 3-D volumes. See `OperationalConvTranspose2d`."""


@Conv.factory_function("operational")
def operational_factory(dim: int) -> type[_OperationalConv]:
    """Operational convolutions of 1, 2 or 3 dimensions, as ``Conv["operational", dim]`` of MONAI."""
    return (OperationalConv1d, OperationalConv2d, OperationalConv3d)[dim - 1]


@Conv.factory_function("operationaltrans")
def operational_transpose_factory(dim: int) -> type[OperationalLayer]:
    """Operational transposed convolutions of 1, 2 or 3 dimensions, as ``Conv["operationaltrans", dim]`` of MONAI."""
    return (OperationalConvTranspose1d, OperationalConvTranspose2d, OperationalConvTranspose3d)[dim - 1]

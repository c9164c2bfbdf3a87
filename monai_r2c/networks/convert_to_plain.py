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

import copy
import math
from collections import OrderedDict
from typing import cast

import torch
import torch.nn as nn
from torch.nn.modules.conv import _ConvNd

from monai_r2c.utils import InputError

from .convert_layers import PLAIN, check_convertible, copy_settings, geometry, replace_layer
from .convert_selection import Patterns, select_layers
from .layers.operational import OperationalLayer


def from_operational(
    network: nn.Module,
    input_range: tuple[float, float] = (-1.0, 1.0),
    *,
    include: Patterns | None = None,
    exclude: Patterns | None = None,
    inplace: bool = False,
) -> nn.Module:
    """Replace operational layers by the plain convolutions that come nearest, for where only these can run.

    Every power is replaced by its best line, ``x^i ≈ slope_i x + intercept_i`` by least squares over an input that is
    uniform in `input_range`: over (-1, 1), ``x^2 ≈ 1/3`` and ``x^3 ≈ 3/5 x``. The slopes join the kernels, the
    intercepts the bias. For independent uniform inputs no plain convolution has a smaller mean squared error, but for
    two places where one bias cannot do: within the reach of zero padding, where the powers of the padded zeros are zero
    and not the intercept, and in strided transposed layers, where it differs between the interleaved output positions
    and its mean is taken. Layers of order 1 are exact.

    Args:
        network: any module with operational layers in it, or one itself.
        input_range: lowest and highest input of the layers; bounds in the network stay where they are.
        include, exclude: the layers to convert, as for `to_operational`; call it twice for two ranges.
        inplace: change `network` itself instead of a copy.

    Returns:
        The converted network. Layers without bias get one where order 2 or more calls for it. A layer with a bound
        becomes ``Sequential(bound, conv)``, since a plain convolution has no place for it.

    Raises:
        InputError: when `input_range` is not two finite numbers in rising order, when a pattern fits nothing, and for a
            layer that cannot be converted, as for `to_operational`.
    """
    low, high = input_range
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"input_range must be two finite numbers in rising order, got {input_range}")
    if not inplace:
        network = copy.deepcopy(network)
    layers = select_layers(network, lambda module: isinstance(module, tuple(PLAIN)), include, exclude)
    check_convertible(layers, PLAIN, network)
    for layer, names in layers.items():
        network = replace_layer(network, names, _plain(cast(OperationalLayer, layer), low, high).train(layer.training))
    return network


def fit_powers(order: int, low: float, high: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Fit a line to each power of a number that is uniform in [low, high], by least squares.

    Returns:
        Slopes and intercepts of the powers 1 to `order`, in double precision.
    """
    middle, half = (low + high) / 2, (high - low) / 2
    # moments of u = (x - middle) / half, uniform in [-1, 1], keep narrow ranges far from zero accurate
    u_moment = [1 / (k + 1) if k % 2 == 0 else 0.0 for k in range(order + 2)]
    slopes, intercepts = [], []
    for power in range(1, order + 1):
        terms = [math.comb(power, k) * middle ** (power - k) * half**k for k in range(power + 1)]
        mean = sum(term * u_moment[k] for k, term in enumerate(terms))
        slope = 3 * sum(term * u_moment[k + 1] for k, term in enumerate(terms)) / half  # u has variance 1/3
        slopes.append(slope)
        intercepts.append(mean - slope * middle)
    return torch.tensor(slopes, dtype=torch.float64), torch.tensor(intercepts, dtype=torch.float64)


@torch.no_grad()
def _plain(layer: OperationalLayer, low: float, high: float) -> nn.Module:
    arguments = geometry(layer)
    arguments["bias"] = arguments["bias"] or layer.order > 1
    conv: _ConvNd = PLAIN[type(layer)](**arguments)

    kernels = layer.split_weight()
    slopes, intercepts = (
        line.to(kernels).view(-1, *[1] * (kernels.dim() - 1)) for line in fit_powers(layer.order, low, high)
    )
    conv.weight.copy_((kernels * slopes).sum(0).reshape(conv.weight.shape))
    if conv.bias is not None:
        constants = kernels * intercepts
        if layer.transposed:  # (order, groups, in / groups, out / groups, *kernel)
            bias = constants.sum((0, 2, *range(4, constants.dim()))).flatten() / math.prod(layer.stride)
        else:
            bias = constants.sum((0, *range(2, constants.dim())))
        conv.bias.copy_(bias if layer.bias is None else bias + layer.bias)
    copy_settings(cast(_ConvNd, layer), conv)
    return conv if layer.bound is None else nn.Sequential(OrderedDict(bound=layer.bound, conv=conv))

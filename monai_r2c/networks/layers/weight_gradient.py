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

import math
from collections.abc import Iterable, Sequence
from itertools import product

import torch

from .powers import is_channels_last

_MIN_CHANNELS = 128  # with fewer output channels the products are too thin


def prefers_products(x: torch.Tensor, gradient: torch.Tensor) -> bool:
    """Whether `products_by_position` is faster than torch's convolution, as measured on the CPU."""
    wide = gradient.shape[1] >= _MIN_CHANNELS
    return wide and x.device.type == "cpu" and x.dtype == torch.float32 and is_channels_last(x)


def products_by_position(
    x: torch.Tensor, gradient: torch.Tensor, weight: torch.Tensor, dilation: Sequence[int]
) -> torch.Tensor:
    """Gradient of the kernels of a convolution of stride 1 without padding: one matrix product a kernel position.

    The gradient is laid out as the input is, with zeros where the output has fewer rows and columns. What a kernel
    position sees is then the input from some pixel on, without a copy.

    Args:
        x: ``(batch, channels, *spatial)``, what was convolved.
        gradient: of the result.
        weight: ``(out_channels, channels, *kernel)``.
        dilation: of the convolution.

    Returns:
        The gradient of `weight`, in its memory format.
    """
    size = x.shape[2:]
    steps = [math.prod(size[i + 1 :]) for i in range(len(size))]
    slopes = gradient.new_zeros(len(x), *size, gradient.shape[1])
    slopes[(slice(None), *(slice(length) for length in gradient.shape[2:]))] = gradient.movedim(1, -1)
    values = x.movedim(1, -1).flatten(1, -2)
    count = 1 + sum((length - 1) * step for length, step in zip(gradient.shape[2:], steps))
    slopes = slopes.flatten(1, -2)[:, :count]
    result = torch.empty_like(weight)
    by_position = result.movedim((0, 1), (-2, -1))
    positions: Iterable[tuple[int, ...]] = product(*(range(length) for length in weight.shape[2:]))
    for position in positions:
        start = sum(p * d * step for p, d, step in zip(position, dilation, steps))
        part = by_position[position]
        for i, (slope, value) in enumerate(zip(slopes, values[:, start : start + count])):
            torch.addmm(part, slope.t(), value, beta=min(i, 1), out=part)
    return result

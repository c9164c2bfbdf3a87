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

import torch
import torch.nn.functional as F

from .gray import mean_of_channels

_SIDE, _CELLS, _DIRECTIONS = 64, 4, 8
_BANDS = (32, 16, 8)
# standardised gray levels: what a gradient, or a deviation, must exceed to count
_LEAST_GRADIENT, _LEAST_DEVIATION = 0.1, 1e-3
_BAND_WEIGHT = 0.3


def layout_features(image: torch.Tensor) -> torch.Tensor:
    """Describe how an image is laid out: where its edges lie and which way they face, and how coarse its structure is.

    The image is reduced to 64 x 64 pixels and standardised, which leaves little of noise, blur and exposure. The first
    128 values are the square roots of the shares that 4 x 4 cells and 8 directions have in the gradient; the last four
    those that structures finer than 2, 4 and 8 of these pixels and the rest have in the variance, times 0.3.

    Args:
        image: ``(channels, rows, columns)`` in [0, 1], of any size; channels are averaged.

    Returns:
        ``(132,)``, float64 on the CPU, each in [0, 1]; of a blank image the first 128 are 0.

    Source: histograms of directed gradients after N. Dalal and B. Triggs, CVPR 2005, with square roots of shares (the
    Hellinger distance), as R. Arandjelovic and A. Zisserman, CVPR 2012, took them.
    """
    gray = mean_of_channels(image)[None]
    small = F.interpolate(gray, (_SIDE, _SIDE), mode="area")
    standardised = (small - small.mean()) / (small.std() + _LEAST_DEVIATION)
    return torch.cat([_directions(standardised), _BAND_WEIGHT * _bands(standardised)])


def _directions(image: torch.Tensor) -> torch.Tensor:
    smooth = F.avg_pool2d(F.pad(image, (2, 2, 2, 2), mode="replicate"), 5, 1)[0, 0]
    across = smooth[1:-1, 2:] - smooth[1:-1, :-2]
    down = smooth[2:, 1:-1] - smooth[:-2, 1:-1]
    strength = torch.hypot(across, down)
    # each gradient is shared between the two directions beside it
    position = torch.atan2(down, across) / (2 * math.pi) * _DIRECTIONS
    below = position.floor()
    share = position - below
    histogram = torch.zeros(_DIRECTIONS, *strength.shape, dtype=strength.dtype)
    histogram.scatter_add_(0, (below.long() % _DIRECTIONS)[None], (strength * (1 - share))[None])
    histogram.scatter_add_(0, ((below.long() + 1) % _DIRECTIONS)[None], (strength * share)[None])
    cells = F.adaptive_avg_pool2d(histogram[None], _CELLS)[0]
    return (cells / (cells.sum() + _LEAST_GRADIENT)).sqrt().flatten()


def _bands(image: torch.Tensor) -> torch.Tensor:
    energies = []
    for side in _BANDS:
        coarser = F.interpolate(image, (side, side), mode="area")
        energies.append((image - F.interpolate(coarser, image.shape[2:], mode="bilinear")).square().mean())
        image = coarser
    energies.append(image.var() + 1e-6)
    return (torch.stack(energies) / torch.stack(energies).sum()).sqrt()

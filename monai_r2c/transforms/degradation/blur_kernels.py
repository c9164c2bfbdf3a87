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
from collections.abc import Sequence

import numpy as np
import torch


def ball_kernel(radii: Sequence[float]) -> torch.Tensor:
    """Evenly filled interval, disc or ball, by the share of each pixel that it covers.

    Args:
        radii: along each axis, in pixels, above 0.

    Returns:
        Kernel of odd sides that is symmetric and sums to one.
    """
    fine = 9
    # odd, so that a sample lies on the centre and even the smallest ball is not empty
    axes = []
    for radius in radii:
        reach = math.ceil(radius - 0.5)
        samples = np.arange(-fine * reach - fine // 2, fine * reach + fine // 2 + 1) / fine
        axes.append(samples / radius)
    distance = np.sqrt(np.square(np.meshgrid(*axes, indexing="ij")).sum(axis=0))
    # an edge one fine sample wide, so that a radius need not be a whole number of samples
    inside = np.clip(0.5 + (1 - distance) * min(radii) * fine, 0, 1)
    for axis in range(len(axes)):
        inside = np.add.reduceat(inside, np.arange(0, inside.shape[axis], fine), axis=axis)
    return torch.from_numpy(inside / inside.sum()).to(torch.float32)


def line_kernel(displacement: Sequence[float] | np.ndarray) -> torch.Tensor:
    """Uniform motion along a straight line, centred, each moment shared linearly among the nearest pixels.

    Args:
        displacement: from the motion's start to its end along each axis, in pixels.

    Returns:
        Kernel of odd sides that is symmetric and sums to one.
    """
    displacement = np.asarray(displacement, dtype=np.float64)
    moments = 8 * math.ceil(np.abs(displacement).max()) + 1
    times = (np.arange(moments) + 0.5) / moments - 0.5
    kernel = np.zeros([2 * math.ceil(abs(d) / 2) + 1 for d in displacement])
    grids = [np.arange(side) - side // 2 for side in kernel.shape]
    for time in times:
        shares = [np.clip(1 - np.abs(grid - time * d), 0, None) for grid, d in zip(grids, displacement)]
        moment = shares[0]
        for share in shares[1:]:
            moment = np.multiply.outer(moment, share)
        kernel += moment
    return torch.from_numpy(kernel / kernel.sum()).to(torch.float32)

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

import torch
import torch.nn.functional as F
from monai.networks.layers import gaussian_1d, separable_filtering


def wide_blur(image: torch.Tensor, sigmas: Sequence[float]) -> torch.Tensor:
    """Blur an image with a wide Gaussian on a coarse grid, where it is as exact and quick.

    Args:
        image: ``(channels, *spatial)`` with 1 to 3 spatial dims.
        sigmas: standard deviation in pixels along each spatial dim.

    Returns:
        Image of the same shape; the border is repeated.
    """
    coarser = max(1, int(min(sigmas) / 4))
    size = [max(1, side // coarser) for side in image.shape[1:]]
    coarse = F.interpolate(image[None], size, mode="area")
    kernels = [
        gaussian_1d(torch.tensor(sigma / coarser), truncated=3.0, approx="erf", normalize=True) for sigma in sigmas
    ]
    blurred = separable_filtering(coarse, kernels, mode="replicate")
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    return F.interpolate(blurred, image.shape[1:], mode=mode)[0]

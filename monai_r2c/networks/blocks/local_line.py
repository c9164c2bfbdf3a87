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

import torch
import torch.nn.functional as F


def local_line(
    image: torch.Tensor, target: torch.Tensor, radius: int = 4, epsilon: float = 1e-3
) -> tuple[torch.Tensor, torch.Tensor]:
    """Straight line of gray values that brings an image nearest to a target around each pixel: the guided filter.

    Slope and offset vary slowly, so those of a reduced image hold at full size, where ``slope * image + offset`` has
    the exposure and contrast of the target and the detail of the image.

    Args:
        image, target: ``(batch, channels, rows, columns)``.
        radius: of the square window, in pixels.
        epsilon: variance in the window below which the slope goes to 0; of gray values in [-1, 1].

    Returns:
        Slope and offset, of the image's shape, float32.

    Source: K. He, J. Sun, "Fast guided filter", arXiv:1505.00996.
    """
    image, target = image.float(), target.float()
    mean, target_mean = _mean(image, radius), _mean(target, radius)
    variance = _mean(image * image, radius) - mean * mean
    covariance = _mean(image * target, radius) - mean * target_mean
    slope = covariance / (variance.clamp_min(0) + epsilon)
    offset = target_mean - slope * mean
    return _mean(slope, radius), _mean(offset, radius)


def _mean(values: torch.Tensor, radius: int) -> torch.Tensor:
    return F.avg_pool2d(values, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)

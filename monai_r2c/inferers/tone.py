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


def with_tone_of(restored: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return restored images in the exposure and contrast of the images that they were made from.

    Each channel goes through the straight line of gray values that brings it nearest to the image's, in least squares.
    One that has no contrast, or the opposite of the image's, stays as it is.

    Args:
        restored, image: ``(batch, channels, *spatial)`` in [-1, 1].

    Returns:
        Images of the shape and type of `restored`, clipped to [-1, 1].
    """
    axes = tuple(range(2, restored.dim()))
    x, y = restored.double(), image.double()
    x_mean, y_mean = x.mean(axes, keepdim=True), y.mean(axes, keepdim=True)
    covariance = ((x - x_mean) * (y - y_mean)).mean(axes, keepdim=True)
    variance = (x - x_mean).square().mean(axes, keepdim=True)
    line = covariance / variance.clamp_min(1e-12) * (x - x_mean) + y_mean
    has_line = (variance > 1e-12) & (covariance > 0)
    return torch.where(has_line, line.clamp(-1, 1), x).to(restored.dtype)

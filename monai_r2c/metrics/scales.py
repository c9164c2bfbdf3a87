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
from monai.metrics.regression import compute_ssim_and_cs

_WINDOW, _SIGMA = 11, 1.5
SCALES = (1, 2, 4, 8)


def ssim_at_scales(
    images: torch.Tensor, references: torch.Tensor, scales: Sequence[int] = SCALES
) -> dict[int, torch.Tensor]:
    """SSIM of images, and of the same images made smaller: tells in which size of detail they differ.

    The first scale is the pixels' own, where noise and fine blur count; at a scale of 8 a radiograph of 2048 pixels is
    compared as a reader sees it reduced to 256. Multi-scale SSIM is the weighted product of five such scales without
    the brightness of the finer ones; here each stands for itself.

    Args:
        images, references: ``(batch, channels, rows, columns)`` in [0, 1].
        scales: pixels of the images along each axis for one that is compared (area averages), each at least 1.

    Returns:
        For each scale ``(batch,)`` in [-1, 1], higher is better; NaN where fewer than 11 pixels a side are left.

    Raises:
        ValueError: when the shapes differ, or a scale is below 1.

    Source: SSIM as MONAI computes it, with the window of Z. Wang et al., IEEE TIP 13 (2004) 600-612: Gaussian, 11
    pixels, sigma 1.5.
    """
    if images.shape != references.shape or images.dim() != 4:
        raise ValueError(
            "images and references must have one shape (batch, channels, rows, columns), got "
            f"{tuple(images.shape)} and {tuple(references.shape)}."
        )
    if any(scale < 1 for scale in scales):
        raise ValueError(f"scales must be at least 1, got {list(scales)}.")
    return {scale: _ssim(_reduced(images, scale), _reduced(references, scale)) for scale in scales}


def _reduced(images: torch.Tensor, scale: int) -> torch.Tensor:
    images = images.as_subclass(torch.Tensor).float()
    return images if scale == 1 or min(images.shape[2:]) < scale else F.avg_pool2d(images, scale)


def _ssim(images: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    if min(images.shape[2:]) < _WINDOW:
        return torch.full((len(images),), float("nan"))
    return compute_ssim_and_cs(images, references, 2, (_WINDOW, _WINDOW), (_SIGMA, _SIGMA))[0].mean((1, 2, 3))

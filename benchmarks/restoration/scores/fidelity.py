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

import numpy as np
import torch
from monai.metrics import PSNRMetric
from monai.metrics.regression import compute_ms_ssim, compute_ssim_and_cs

_WINDOW, _SIGMA = 11, 1.5
_MS_WINDOW = 7  # five scales of an image of 128 pixels leave 8


def psnr(image: torch.Tensor, reference: torch.Tensor) -> float:
    """In dB, of ``(1, rows, columns)`` in [0, 1], as all scores here."""
    return float(PSNRMetric(1.0, reduction="none")(image[None], reference[None]))


def ssim(image: torch.Tensor, reference: torch.Tensor) -> float:
    size, sigma = (_WINDOW, _WINDOW), (_SIGMA, _SIGMA)
    return float(compute_ssim_and_cs(image[None], reference[None], 2, size, sigma)[0].mean())


def ms_ssim(image: torch.Tensor, reference: torch.Tensor) -> float:
    """Five scales with a window of 7 pixels; NaN for an image of fewer than 112 pixels a side."""
    if min(image.shape[1:]) < _MS_WINDOW * 2**4:
        return float("nan")
    size, sigma = (_MS_WINDOW, _MS_WINDOW), (_SIGMA, _SIGMA)
    return float(compute_ms_ssim(image[None], reference[None], 2, kernel_size=size, kernel_sigma=sigma))


def straight_line(image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The image after the straight line of gray values that brings it nearest to the reference, in least squares.

    Exposure and contrast, which nobody can know from one image, no longer count then. The slope is at least 0.
    """
    x, y = np.asarray(image, dtype=np.float64).ravel(), np.asarray(reference, dtype=np.float64).ravel()
    variance = x.var()
    slope = max(float(np.mean((x - x.mean()) * (y - y.mean())) / variance), 0.0) if variance > 0 else 0.0
    return (slope * (image.double() - x.mean()) + y.mean()).float()

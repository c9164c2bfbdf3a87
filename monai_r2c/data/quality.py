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
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from scipy.signal import convolve2d

_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float64)
_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=np.float64)
_SMALLEST_SIDE = 16


@dataclass(frozen=True)
class QualityMeasures:
    """Measures of a radiograph's quality, in 8-bit gray levels; see `measure_quality`.

    Args:
        noise_sigma: Immerkaer's estimate of the noise's standard deviation.
        lap_var: variance of the 4-neighbour Laplacian.
        sharpness: 100 x standard deviation of the Laplacian of Gaussian (sigma 1 pixel) / contrast.
        mean, std: of all pixels.
        p5, p50, p95: percentiles.
        contrast: p95 - p5.
        cnr: contrast / noise_sigma; infinite without noise.
        clip_low, clip_high: share of pixels at 2 or below, at 253 or above.
    """

    noise_sigma: float
    lap_var: float
    sharpness: float
    mean: float
    std: float
    p5: float
    p50: float
    p95: float
    contrast: float
    cnr: float
    clip_low: float
    clip_high: float


@dataclass(frozen=True)
class QualityThresholds:
    """Where `find_faults` and `propose_quality` draw their lines, in 8-bit gray levels.

    They were set by looking at about 600 chest radiographs of two collections; no radiologist graded those images.

    Args:
        poor_contrast, poor_cnr, poor_sharpness: an image below is poor.
        poor_mean_low, poor_mean_high: an image whose mean is outside is poor.
        poor_clipping: an image with a larger share of clipped pixels is poor.
        good_contrast, good_cnr, good_sharpness: a good image reaches all of them.
        good_mean_low, good_mean_high: a good image's mean is within.
    """

    poor_contrast: float = 88.0
    poor_cnr: float = 34.0
    poor_sharpness: float = 1.7
    poor_mean_low: float = 100.0
    poor_mean_high: float = 172.0
    poor_clipping: float = 0.08
    good_contrast: float = 98.0
    good_cnr: float = 38.0
    good_sharpness: float = 1.8
    good_mean_low: float = 105.0
    good_mean_high: float = 168.0


DEFAULT_THRESHOLDS = QualityThresholds()


def measure_quality(image: np.ndarray | torch.Tensor, size: int = 256) -> QualityMeasures:
    """Measure noise, sharpness, contrast, exposure and clipping of a radiograph.

    The image is reduced to `size` on its shorter side when it is larger (Lanczos filter, aspect ratio kept, never
    enlarged), because noise and sharpness depend on the pixel's size, and rounded to 8-bit gray levels. Noise and the
    Laplacian are taken where the whole kernel lies inside; the Laplacian of Gaussian reflects the image at its borders.

    Args:
        image: ``(rows, columns)`` or ``(1, rows, columns)`` in [0, 1], at least 16 pixels a side.
        size: pixels; the thresholds hold for 256.

    Raises:
        ValueError: when the image has another shape, is smaller, or has values outside [0, 1] or that are not finite.

    Source: J. Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding 64 (1996) 300-302.
    """
    gray = _gray_levels(image, size)
    p5, p50, p95 = (float(level) for level in np.percentile(gray, (5, 50, 95)))
    contrast = p95 - p5
    noise_sigma = math.sqrt(math.pi / 2) / 6 * float(np.abs(convolve2d(gray, _NOISE, mode="valid")).mean())
    return QualityMeasures(
        noise_sigma=noise_sigma,
        lap_var=float(convolve2d(gray, _LAPLACIAN, mode="valid").var()),
        sharpness=_ratio(100 * float(ndimage.gaussian_laplace(gray, 1.0).std()), contrast),
        mean=float(gray.mean()),
        std=float(gray.std()),
        p5=p5,
        p50=p50,
        p95=p95,
        contrast=contrast,
        cnr=_ratio(contrast, noise_sigma),
        clip_low=float((gray <= 2).mean()),
        clip_high=float((gray >= 253).mean()),
    )


def find_faults(measures: QualityMeasures, thresholds: QualityThresholds = DEFAULT_THRESHOLDS) -> tuple[str, ...]:
    """Return which of the faults ``low-contrast``, ``noisy``, ``blurred``, ``exposure`` hold, in this order."""
    faults = {
        "low-contrast": measures.contrast < thresholds.poor_contrast,
        "noisy": measures.cnr < thresholds.poor_cnr,
        "blurred": measures.sharpness < thresholds.poor_sharpness,
        "exposure": not thresholds.poor_mean_low <= measures.mean <= thresholds.poor_mean_high
        or measures.clip_low + measures.clip_high > thresholds.poor_clipping,
    }
    return tuple(name for name, holds in faults.items() if holds)


def propose_quality(measures: QualityMeasures, thresholds: QualityThresholds = DEFAULT_THRESHOLDS) -> str:
    """Propose ``poor`` (any fault holds), ``good`` (every measure is clear of its fault) or ``mid`` (neither)."""
    if find_faults(measures, thresholds):
        return "poor"
    clear = (
        measures.contrast >= thresholds.good_contrast
        and measures.cnr >= thresholds.good_cnr
        and measures.sharpness >= thresholds.good_sharpness
        and thresholds.good_mean_low <= measures.mean <= thresholds.good_mean_high
    )
    return "good" if clear else "mid"


def _gray_levels(image: np.ndarray | torch.Tensor, size: int) -> np.ndarray:
    values = torch.as_tensor(image).detach().cpu().numpy().astype(np.float32)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2 or min(values.shape) < _SMALLEST_SIDE:
        raise ValueError(
            f"expected (rows, columns) or (1, rows, columns) of at least {_SMALLEST_SIDE} pixels a side, "
            f"got {tuple(image.shape)}."
        )
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise ValueError("expected finite values in [0, 1].")
    rows, columns = values.shape
    scale = size / min(rows, columns)
    if scale < 1:
        smaller = (max(size, round(columns * scale)), max(size, round(rows * scale)))
        values = np.asarray(Image.fromarray(values).resize(smaller, Image.Resampling.LANCZOS))
    return np.clip(np.rint(values.astype(np.float64) * 255), 0, 255)


def _ratio(above: float, below: float) -> float:
    if below:
        return above / below
    return math.inf if above else 0.0

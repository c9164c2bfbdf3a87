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
import torch.nn.functional as F
from scipy import ndimage
from scipy.special import gamma

FEATURES_A_SCALE = 18
_WINDOW_SIGMA = 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_SHAPES = np.arange(0.2, 10.001, 0.001)
# r(shape) = E|x|^2 / E x^2 of a generalised Gaussian; it rises with the shape
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))


def scene_statistics(gray: np.ndarray, patch: int) -> tuple[np.ndarray, np.ndarray]:
    """Natural scene statistics of the patches of an image at two scales.

    At each scale the image is normalised by its local mean and standard deviation (Gaussian window, 7 x 7 pixels). Of
    each patch, the normalised values give shape and variance of a generalised Gaussian, and the products of neighbours
    in four directions each give shape, mean and left and right scale of an asymmetric one.

    Args:
        gray: ``(rows, columns)`` in [0, 255], at least `patch` a side.
        patch: even number of pixels at the first scale; what does not fill a patch at the right and below is left out.

    Returns:
        Features ``(patches, 36)``, NaN where a patch is flat, and the sharpness ``(patches,)`` (mean local standard
        deviation at the first scale).

    Source: A. Mittal, R. Soundararajan, A. C. Bovik, "Making a completely blind image quality analyzer", IEEE Signal
    Processing Letters 20 (2013) 209-212; fits by moments as in N. Lasmar et al., ICIP 2009.
    """
    rows, columns = (length // patch * patch for length in gray.shape)
    gray = gray[:rows, :columns].astype(np.float64)
    features, sharpness = [], np.empty(0)
    for scale in (1, 2):
        normalised, deviation = _normalise(gray)
        blocks = _patches(normalised, patch // scale)
        features.append(_patch_features(blocks))
        if scale == 1:
            sharpness = _patches(deviation, patch).mean((1, 2))
            gray = _halved(gray)
    return np.concatenate(features, 1), sharpness


def _normalise(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    smooth = {"sigma": _WINDOW_SIGMA, "radius": 3, "mode": "nearest"}
    mean = ndimage.gaussian_filter(gray, **smooth)
    variance = ndimage.gaussian_filter(gray**2, **smooth) - mean**2
    deviation = np.sqrt(np.clip(variance, 0, None))
    return (gray - mean) / (deviation + 1), deviation


def _halved(gray: np.ndarray) -> np.ndarray:
    image = torch.from_numpy(gray)[None, None]
    return F.interpolate(image, scale_factor=0.5, mode="bicubic", antialias=True)[0, 0].numpy()


def _patches(values: np.ndarray, patch: int) -> np.ndarray:
    rows, columns = (length // patch for length in values.shape)
    blocks = values[: rows * patch, : columns * patch].reshape(rows, patch, columns, patch)
    return blocks.swapaxes(1, 2).reshape(-1, patch, patch)


def _patch_features(blocks: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):  # a flat patch gives 0 / 0, which is NaN as promised
        shape, left, right = fit_asymmetric(blocks)
        columns = [shape, (left + right) / 2]
        for shift in _SHIFTS:
            products = blocks * np.roll(blocks, shift, axis=(1, 2))
            shape, left, right = fit_asymmetric(products)
            mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)
            columns += [shape, mean, left, right]
    return np.stack(columns, 1)


def fit_asymmetric(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit an asymmetric generalised Gaussian of mode 0 to each block by its moments.

    Args:
        blocks: ``(blocks, ...)``.

    Returns:
        Shape (2: Gaussian, 1: Laplacian), left and right scale ``(blocks,)``; NaN where one side has no value.
    """
    values = blocks.reshape(len(blocks), -1)
    sides = [np.sqrt((values**2 * side).sum(1) / side.sum(1)) for side in (values < 0, values > 0)]
    skew = sides[0] / sides[1]
    ratio = np.abs(values).mean(1) ** 2 / (values**2).mean(1)
    ratio = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    index = np.clip(np.searchsorted(_RATIOS, ratio), 0, len(_SHAPES) - 1)
    shape = np.where(np.isfinite(ratio), _SHAPES[index], np.nan)
    to_scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, sides[0] * to_scale, sides[1] * to_scale

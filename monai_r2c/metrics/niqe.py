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

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from .bootstrap import RESAMPLES
from .gray import mean_of_channels
from .grouped import ImageMetric
from .scene_statistics import FEATURES_A_SCALE, scene_statistics

_SHARP_SHARE = 0.75


@dataclass(frozen=True)
class NIQEModel:
    """Multivariate Gaussian of the natural scene statistics of good images; made by `fit_niqe`.

    Args:
        mean: ``(36,)``.
        covariance: ``(36, 36)``.
        patch: pixels of a patch's side.
        size: images are reduced to this many pixels on their shorter side, never enlarged.
        patches: number of patches of good images that it was fitted to.
    """

    mean: np.ndarray
    covariance: np.ndarray
    patch: int
    size: int
    patches: int


def fit_niqe(images: Iterable[torch.Tensor], patch: int = 64, size: int = 256) -> NIQEModel:
    """Fit the model of NIQE to the user's own good images.

    Args:
        images: each ``(channels, rows, columns)`` in [0, 1]; channels are averaged. Of each image the patches count
            that are at least 0.75 times as sharp as its sharpest.
        patch: pixels of a patch's side, an even number; 96 as published needs larger images.
        size: images are reduced to this many pixels on their shorter side first, never enlarged.

    Returns:
        The model; one of fewer than two patches, because the images are flat or smaller than a patch, scores every
        image as NaN.

    Raises:
        ValueError: when the patch is no even number of at least 2.
    """
    if patch < 2 or patch % 2:
        raise ValueError(f"patch must be an even number of at least 2, got {patch}.")
    chosen = [np.empty((0, 2 * FEATURES_A_SCALE))]
    for image in images:
        gray = _gray(image, size)
        if min(gray.shape) >= patch:
            features, sharpness = scene_statistics(gray, patch)
            chosen.append(features[sharpness >= _SHARP_SHARE * sharpness.max()])
    usable = _finite(np.concatenate(chosen))
    if len(usable) < 2:
        undefined = np.full(2 * FEATURES_A_SCALE, np.nan)
        return NIQEModel(undefined, np.diag(undefined), patch, size, len(usable))
    return NIQEModel(usable.mean(0), np.cov(usable, rowvar=False), patch, size, len(usable))


def niqe(image: torch.Tensor, model: NIQEModel) -> float:
    """Distance of an image's natural scene statistics from those of good images.

    Args:
        image: ``(channels, rows, columns)`` in [0, 1].
        model: of the good images.

    Returns:
        0 and up; lower is better; NaN for an image that is flat or smaller than a patch. Values of different models do
        not compare.

    Source: A. Mittal, R. Soundararajan, A. C. Bovik, "Making a completely blind image quality analyzer", IEEE Signal
    Processing Letters 20 (2013) 209-212.
    """
    gray = _gray(image, model.size)
    if model.patches < 2 or min(gray.shape) < model.patch:
        return float("nan")
    features = _finite(scene_statistics(gray, model.patch)[0])
    if not len(features):
        return float("nan")
    covariance = np.cov(features, rowvar=False) if len(features) > 1 else np.zeros_like(model.covariance)
    difference = features.mean(0) - model.mean
    inverse = np.linalg.pinv((model.covariance + covariance) / 2)
    return float(np.sqrt(max(difference @ inverse @ difference, 0)))


class NIQEMetric(ImageMetric):
    """Mean `niqe` of images against a model of good images: ``niqe``, 0 and up, lower is better.

    ``metric(images)`` takes ``(batch, channels, rows, columns)`` in [0, 1].

    Args:
        model: see `fit_niqe`.
        resamples, confidence, seed: see `GroupedMetric`.
    """

    names = ("niqe",)

    def __init__(self, model: NIQEModel, resamples: int = RESAMPLES, confidence: float = 0.95, seed: int = 0) -> None:
        super().__init__(resamples, confidence, seed)
        self.model = model

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:
        return torch.tensor([[niqe(image, self.model)] for image in y_pred], dtype=torch.float64)

    def why_undefined(self, name: str) -> str:
        if self.model.patches < 2:
            return "the good images are flat or too small to fit it"
        return "every image is flat, not finite or smaller than a patch"


def _gray(image: torch.Tensor, size: int) -> np.ndarray:
    gray = mean_of_channels(image)[None]
    scale = size / min(gray.shape[2:])
    if scale < 1:
        smaller = [max(size, round(length * scale)) for length in gray.shape[2:]]
        gray = F.interpolate(gray, smaller, mode="bicubic", antialias=True)
    return np.rint(gray[0, 0].clamp(0, 1).numpy() * 255)


def _finite(features: np.ndarray) -> np.ndarray:
    return features[np.isfinite(features).all(1)]

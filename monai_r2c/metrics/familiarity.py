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

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from monai_r2c.utils import InputError

from .layout_features import layout_features

LEAST_IMAGES = 20
FLAGGED_SHARE = 0.01
_FOLDS = 5
_MARGIN = 1.25


@dataclass(frozen=True)
class FamiliarityModel:
    """What the images that a model was trained on look like; made by `fit_familiarity`.

    Args:
        mean: of their `layout_features`, ``(features,)``.
        precision: inverse of their covariance, ``(features, features)``.
        limit: Mahalanobis distance at which an image is called unfamiliar.
        images: number of images that it was fitted to.
        unseen: number of images of other sources that the limit was taken from; 0: from the training images.
    """

    mean: np.ndarray
    precision: np.ndarray
    limit: float
    images: int
    unseen: int


def fit_familiarity(
    images: Iterable[torch.Tensor],
    groups: Sequence[Hashable] | None = None,
    unseen: Iterable[torch.Tensor] = (),
    share: float = FLAGGED_SHARE,
) -> FamiliarityModel:
    """Fit a Gaussian to the layout of training images, and the distance beyond which an image is unfamiliar.

    Args:
        images: each ``(channels, rows, columns)`` in [0, 1], poor ones among them, at least 20.
        groups: for each image what it must not be told by, such as its patient and the image that it was degraded
            from; None: every image is its own.
        unseen: images of the same kind from sources that are not among `images`. The limit is the distance that a
            `share` of them exceeds. Without them it is 1.25 times the distance that a `share` of the training images
            exceeds, each measured with its group left out: by so much do other sources lie farther away
            (benchmarks/box).
        share: of images of the same kind that is called unfamiliar.

    Raises:
        InputError: when there are fewer than 20 images or fewer than 5 groups.

    Source: Mahalanobis distance as K. Lee et al., NeurIPS 2018, take it of features; covariance shrunk after O. Ledoit
    and M. Wolf, Journal of Multivariate Analysis 88 (2004) 365-411.
    """
    features = _features(images)
    numbers = np.unique(list(map(str, range(len(features)) if groups is None else groups)), return_inverse=True)[1]
    if len(features) < LEAST_IMAGES or numbers.max() + 1 < _FOLDS:
        raise InputError(
            f"{len(features)} training images of {len(set(numbers))} groups are too few to say what is unfamiliar; "
            f"expected {LEAST_IMAGES} images of {_FOLDS} patients at least."
        )
    mean, precision = _gaussian(features)
    others = _features(unseen)
    if len(others):
        limit = np.quantile(_distances(others, mean, precision), 1 - share)
    else:
        folds = numbers % _FOLDS
        left_out = [_distances(features[folds == fold], *_gaussian(features[folds != fold])) for fold in range(_FOLDS)]
        limit = _MARGIN * np.quantile(np.concatenate(left_out), 1 - share)
    return FamiliarityModel(mean, precision, float(limit), len(features), len(others))


def unfamiliarity(image: torch.Tensor, model: FamiliarityModel) -> float:
    """Distance of an image's layout from that of the training images, as a multiple of the limit.

    Args:
        image: ``(channels, rows, columns)`` in [0, 1].
        model: of the training images.

    Returns:
        0 and up; above 1 the image is unlike those that the model was trained on, so nothing is known of what it makes
        of it.
    """
    return float(_distances(_features([image]), model.mean, model.precision)[0] / model.limit)


def _features(images: Iterable[torch.Tensor]) -> np.ndarray:
    found = [layout_features(image).numpy() for image in images]
    return np.stack(found) if found else np.empty((0, 0))


def _distances(features: np.ndarray, mean: np.ndarray, precision: np.ndarray) -> np.ndarray:
    away = features - mean
    return np.sqrt(np.einsum("ij,jk,ik->i", away, precision, away).clip(0))


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = features.mean(0)
    return mean, np.linalg.inv(shrunk_covariance(features - mean))


def shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    """Covariance of ``(images, features)`` without mean, drawn to its mean variance by Ledoit and Wolf's share."""
    count, width = centred.shape
    empirical = centred.T @ centred / count
    mean_variance = np.trace(empirical) / width
    spread = np.square(empirical).sum() - width * mean_variance**2
    squares = np.square(centred)
    error = (np.square(squares.sum(1)).sum() / count - np.square(empirical).sum()) / count
    weight = min(error / spread, 1.0) if spread > 0 else 1.0
    # a feature that never changes, in images that hardly do, must not become infinitely telling
    floor = max(mean_variance * weight, 1e-6)
    return (1 - weight) * empirical + floor * np.eye(width)

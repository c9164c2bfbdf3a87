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
from collections.abc import Callable
from typing import Any

import torch
from monai.metrics import MMDMetric

from .grouped import GroupedMetric
from .score import Score

_LEAST_IMAGES = 3
_SUBSETS = 20
_FREQUENCIES = 512


class FeatureDistanceMetric(GroupedMetric):
    """Frechet and kernel distance between the features of images and those of the good domain.

    ``metric(images)`` takes ``(batch, channels, *spatial)`` in [0, 1]. `aggregate` gives ``frechet_distance`` (see
    `monai_r2c.metrics.frechet_distance`) and ``kernel_distance`` (MONAI's `MMDMetric`, a Gaussian kernel as wide as the
    median distance of good images), both about 0 for equal domains, unbounded, lower is better; without `good`,
    nothing. Images whose features are not finite are left out. The distances compare only for the same features and
    about the same number of images, and have no interval: a resample with repeated images lies farther away by
    construction.

    Args:
        features: gives features ``(batch, features)`` of images in [0, 1], such as `LayerFeatures`.
        good: the metric that has cumulated the good images when this one is aggregated.
        seed: of the kernel distance's random features and subsets.

    Source: M. Heusel et al., NeurIPS 2017 (Frechet distance); A. Gretton et al., "A kernel two-sample test", JMLR 13
    (2012) 723-773, with the random features of A. Rahimi and B. Recht, NeurIPS 2007.
    """

    def __init__(
        self,
        features: Callable[[torch.Tensor], torch.Tensor],
        good: FeatureDistanceMetric | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(resamples=0, seed=seed)
        self.features, self.good = features, good

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:
        return self.features(y_pred)

    def image_values(self) -> dict[str, torch.Tensor]:
        """Nothing: a distance belongs to all images together."""
        return {}

    def aggregate(self) -> dict[str, Score]:
        """Both distances by name."""
        if self.good is None:
            return {}
        features, good = (values[values.isfinite().all(1)] for values in (self.buffers()[0], self.good.buffers()[0]))
        if min(len(features), len(good)) < _LEAST_IMAGES:
            undefined = Score(math.nan, reason=f"fewer than {_LEAST_IMAGES} images in one of the domains")
            return {"frechet_distance": undefined, "kernel_distance": undefined}
        return {
            "frechet_distance": Score(frechet_distance(features, good)),
            "kernel_distance": Score(kernel_distance(features, good, self.seed)),
        }


def frechet_distance(features: torch.Tensor, good: torch.Tensor) -> float:
    """Frechet distance of the Gaussians of two sets of features ``(images, features)``, 0 and up.

    Fewer images than features leave directions in which neither set differs; they are left out first, which changes
    nothing but keeps the matrices small. MONAI's `FIDMetric` gives the same, where SciPy's ``sqrtm`` still has its
    ``disp``.
    """
    features, good = features.double(), good.double()
    pooled = torch.cat([features, good])
    _, spread, directions = torch.linalg.svd(pooled - pooled.mean(0), full_matrices=False)
    basis = directions[spread > 1e-9 * spread.max().clamp_min(1e-300)].T
    features, good = features @ basis, good @ basis
    covariances = [torch.atleast_2d(torch.cov(values.T)) for values in (features, good)]
    values, vectors = torch.linalg.eigh(covariances[0])
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    # the product of both covariances has the eigenvalues of this symmetric matrix
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp_min(0).sqrt().sum()
    spreads = sum(covariance.trace() for covariance in covariances)
    return max(float((features.mean(0) - good.mean(0)).square().sum() + spreads - 2 * shared), 0.0)


def kernel_distance(features: torch.Tensor, good: torch.Tensor, seed: int = 0) -> float:
    """Unbiased squared maximum mean discrepancy of two sets of features; slightly negative values mean none.

    MONAI compares sets of one size: the mean over 20 random subsets of the smaller set's size.
    """
    features, good = features.double(), good.double()
    generator = torch.Generator().manual_seed(seed)
    width = torch.pdist(good).median().clamp_min(1e-12)
    frequencies = torch.randn(features.shape[1], _FREQUENCIES, generator=generator, dtype=torch.float64) / width
    distance = MMDMetric(y_mapping=lambda values: _fourier_features(values, frequencies))
    count = min(len(features), len(good))
    subsets = []
    for _ in range(_SUBSETS):
        chosen = [values[torch.randperm(len(values), generator=generator)[:count]] for values in (good, features)]
        subsets.append(float(distance(*chosen)))
    return sum(subsets) / len(subsets)


def _fourier_features(values: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    # inner products of these are the Gaussian kernel exp(-|x - y|^2 / (2 width^2)), but for the sampling
    phases = values @ frequencies
    return torch.cat([phases.cos(), phases.sin()], 1) / math.sqrt(frequencies.shape[1])

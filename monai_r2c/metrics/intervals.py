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
from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, t


def ratio_interval(
    numerators: np.ndarray, denominators: np.ndarray, groups: Sequence[int] | np.ndarray, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval of a share, ``sum(numerators) / sum(denominators)``, that respects groups such as patients.

    Of independent images it is Wilson's own: three of three give 0.44 to 1. Images of one group count for less than as
    many groups would: for as many as give the same variance between groups, and where all images agree, which shows no
    variance at all, as if each group were one image. F scores are such shares too, their images weighted.

    Args:
        numerators, denominators: of each image, ``(images,)``; 0 <= numerator <= denominator, and a denominator of 0
            means that the image does not count.
        groups: the group of each image.
        confidence: coverage, above 0 and below 1.

    Returns:
        Lower and upper limit in [0, 1]; NaN where no image counts.

    Source: E. Wilson, JASA 22 (1927) 209-212; the effective number of images is that of E. Korn and B. Graubard,
    Survey Methodology 24 (1998) 193-201.
    """
    total = denominators.sum()
    if not total > 0:
        return math.nan, math.nan
    share = float(numerators.sum() / total)
    number = np.unique(np.asarray(groups), return_inverse=True)[1]
    in_groups = np.bincount(number, denominators)
    variance = (np.bincount(number, numerators - share * denominators) ** 2).sum() / total**2
    if 0 < share < 1 and variance > 0:
        size = min(share * (1 - share) / variance, effective_count(denominators))
    else:
        size = effective_count(in_groups)
    clusters, images = np.count_nonzero(in_groups), np.count_nonzero(denominators)
    if 1 < clusters < images:
        size *= (norm.ppf((1 + confidence) / 2) / t.ppf((1 + confidence) / 2, clusters - 1)) ** 2
    return wilson_interval(share, size, confidence)


def wilson_interval(share: float, count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of `count` independent images, which need be no whole number."""
    z = float(norm.ppf((1 + confidence) / 2))
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def auc_interval(auc: float, positives: float, negatives: float, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of an area under the ROC curve that does not collapse where the classes are separated, at 1.

    Args:
        auc: in [0, 1].
        positives, negatives: independent images of each class, see `effective_count`.
        confidence: coverage, above 0 and below 1.

    Source: method 5 of R. Newcombe, Statistics in Medicine 25 (2006) 559-573.
    """
    z = float(norm.ppf((1 + confidence) / 2))
    return _lowest_area(auc, positives, negatives, z), 1 - _lowest_area(1 - auc, positives, negatives, z)


def effective_count(weights: np.ndarray) -> float:
    """Kish's number of equally weighted units that weigh as much as these: 4 for (1, 1, 1, 1), 1.6 for (3, 1)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def mean_interval(values: np.ndarray, groups: Sequence[object], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean over groups of the means within each, with Student's interval; limits are NaN for fewer than two groups."""
    of_groups: dict[object, list[float]] = {}
    for value, group in zip(values.tolist(), groups):
        of_groups.setdefault(group, []).append(value)
    means = np.array([np.mean(of_one) for of_one in of_groups.values()])
    if len(means) < 2:
        return float(means.mean()) if len(means) else math.nan, math.nan, math.nan
    half = float(t.ppf((1 + confidence) / 2, len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means)))
    return float(means.mean()), float(means.mean() - half), float(means.mean() + half)


def _lowest_area(auc: float, positives: float, negatives: float, z: float) -> float:
    """Smallest area from which `auc` lies no farther than z standard errors."""
    if auc < 1e-6:
        return 0.0
    more = (positives + negatives) / 2 - 1

    def beyond(area: float) -> float:
        spread = 1 + more * (1 - area) / (2 - area) + more * area / (1 + area)
        return auc - area - z * math.sqrt(area * (1 - area) * spread / (positives * negatives))

    return float(brentq(beyond, 0.0, auc - 1e-9))

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
import warnings
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from monai_r2c.metrics import bootstrap_intervals

from .estimate import Estimate
from .extras import require


def between_readers(labels: np.ndarray) -> Estimate:
    """Fleiss' kappa of several readers, with an interval from resampled cases.

    Args:
        labels: ``(readers, cases)`` of category numbers.
    """
    readers, cases = labels.shape
    if readers < 2 or cases < 2:
        return Estimate(math.nan, readers=readers, cases=cases, about="needs two readers and two cases")
    rater = require("statsmodels.stats.inter_rater")
    table, _ = rater.aggregate_raters(labels.astype(int).T)

    def statistics(chosen: np.ndarray) -> dict[str, float]:
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore")
            return {"kappa": float(rater.fleiss_kappa(table[chosen]))}

    return _with_interval(statistics, readers, cases)


def pairwise(labels: np.ndarray, weights: str | None = None) -> float:
    """Mean of Cohen's kappa over all pairs of readers; NaN where none is defined.

    Args:
        labels: ``(readers, cases)`` of category numbers.
        weights: ``quadratic`` for ordered categories.
    """
    found = [cohen(labels[a], labels[b], weights) for a, b in combinations(range(len(labels)), 2)]
    defined = [kappa for kappa in found if not math.isnan(kappa)]
    return float(np.mean(defined)) if defined else math.nan


def within_reader(first: Sequence[float], second: Sequence[float], weights: str | None = None) -> Estimate:
    """Cohen's kappa between first and second readings of the same screens, with its asymptotic interval."""
    if len(first) < 2:
        return Estimate(math.nan, cases=len(first), about="needs two repeated screens")
    found = _cohen(np.asarray(first), np.asarray(second), weights)
    if found is None or math.isnan(found.kappa):
        return Estimate(math.nan, cases=len(first), about="all answers are of one kind")
    low, high = max(float(found.kappa_low), -1.0), min(float(found.kappa_upp), 1.0)
    return Estimate(float(found.kappa), low, high, readers=1, cases=len(first))


def cohen(first: np.ndarray, second: np.ndarray, weights: str | None = None) -> float:
    """Cohen's kappa of category numbers; NaN where all is one category."""
    found = _cohen(first, second, weights)
    return math.nan if found is None else float(found.kappa)


def _cohen(first: np.ndarray, second: np.ndarray, weights: str | None) -> Any:
    pairs = np.array([first, second]).astype(int)
    pairs -= pairs.min()
    size = int(pairs.max()) + 1
    if size < 2:
        return None
    table = np.bincount(pairs[0] * size + pairs[1], minlength=size * size).reshape(size, size)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore")
        return require("statsmodels.stats.inter_rater").cohens_kappa(table, wt=weights)


def _with_interval(statistics: Callable[[np.ndarray], dict[str, float]], readers: int, cases: int) -> Estimate:
    value = float(statistics(np.arange(cases))["kappa"])
    if math.isnan(value):
        return Estimate(value, readers=readers, cases=cases, about="all answers are of one kind")
    low, high = bootstrap_intervals(statistics, range(cases), resamples=500)["kappa"]
    return Estimate(value, low, high, readers=readers, cases=cases)

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

import numpy as np
from scipy import stats

from .estimate import Estimate
from .extras import require

CONFIDENCE = 0.95


def crossed_mean(values: np.ndarray, null: float = 0.0) -> Estimate:
    """Mean over readers and cases that are both random samples, with a t interval.

    The variance of the mean is that of two crossed random effects: MS(R) / r + max(Cov2, 0), where MS(R) is the
    variance of the readers' means and Cov2 the mean covariance of two of them through the cases they share. Its degrees
    of freedom are Hillis's, as for one modality in the method of Obuchowski and Rockette with the mean as figure of
    merit. With one reader the interval is over cases and holds for that reader alone.

    Args:
        values: ``(readers, cases)``, complete.
        null: value under the hypothesis that `Estimate.p` tests.

    Source: S. L. Hillis, A comparison of denominator degrees of freedom for multiple observer ROC analysis, Statistics
    in Medicine 26 (2007) 596-619, doi:10.1002/sim.2532, ddf_H for a single treatment.
    """
    readers, cases = values.shape
    mean = float(values.mean()) if values.size else math.nan
    variance, freedom = crossed_variance(values)
    if math.isnan(variance):
        return Estimate(mean, readers=readers, cases=cases, about="at least two cases are needed for an interval")
    about = "holds for this reader alone" if readers == 1 else ""
    if variance == 0:
        return Estimate(
            mean, mean, mean, readers=readers, cases=cases, about="all answers agree: no spread to judge by"
        )
    half = float(stats.t.isf((1 - CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
    p = float(2 * stats.t.sf(abs(mean - null) / math.sqrt(variance), freedom))
    return Estimate(mean, mean - half, mean + half, p, readers, cases, about)


def crossed_variance(values: np.ndarray) -> tuple[float, float]:
    """Variance of the mean of `values` ``(readers, cases)`` and its degrees of freedom, see `crossed_mean`."""
    readers, cases = values.shape
    if cases < 2 or readers < 1:
        return math.nan, math.nan
    covariance = np.atleast_2d(np.cov(values)) / cases
    if readers == 1:
        return float(covariance[0, 0]), cases - 1.0
    spread = float(values.mean(1).var(ddof=1))
    shared = max(float(covariance.sum() - np.trace(covariance)) / (readers * (readers - 1)), 0.0)
    if spread == 0:
        return shared, cases - 1.0
    freedom = (spread + readers * shared) ** 2 / (spread**2 / (readers - 1))
    # no more than the cases give when all the variance is theirs
    return spread / readers + shared, min(freedom, max(cases - 1.0, readers - 1.0))


def crossed_share(values: np.ndarray, null: float = 0.5) -> Estimate:
    """Mean of values in [0, 1], such as preferences with ties half, with an interval that stays in [0, 1].

    Wilson's interval on the number of independent answers that would have the variance of `crossed_mean`, widened for
    its degrees of freedom. Where all answers agree, that number is the cases'. The p value is that of `crossed_mean`;
    where all answers agree, that of a sign test over the cases.

    Args:
        values: ``(readers, cases)`` in [0, 1], complete.
        null: share under the hypothesis that is tested.

    Source: E. L. Korn and B. I. Graubard, Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data, Survey Methodology 24 (1998) 193-201.
    """
    linear = crossed_mean(values, null)
    mean, (readers, cases) = linear.value, values.shape
    variance, freedom = crossed_variance(values)
    if math.isnan(variance):
        return linear
    alpha = 1 - CONFIDENCE
    inner = min(max(mean, 0.5 / (readers * cases)), 1 - 0.5 / (readers * cases))
    count = cases if variance == 0 else min(inner * (1 - inner) / variance, 4.0 * readers * cases)
    count *= (stats.norm.isf(alpha / 2) / stats.t.isf(alpha / 2, freedom)) ** 2
    proportion = require("statsmodels.stats.proportion")
    low, high = proportion.proportion_confint(mean * count, count, alpha, method="wilson")
    p = linear.p if variance > 0 else 2 * 0.5 ** max(cases, 1) if mean in (0.0, 1.0) and null == 0.5 else math.nan
    return Estimate(mean, float(low), float(high), p, readers, cases, linear.about)


def bootstrap_mean(values: np.ndarray, resamples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean when readers and cases are both drawn with replacement.

    Args:
        values: ``(readers, cases)``, complete.
        resamples: number of resamples.
        seed: of the resamples.

    Source: A. B. Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1 (2007) 386-411.
    """
    readers, cases = values.shape
    generator = np.random.default_rng(seed)
    drawn_readers = generator.multinomial(readers, np.full(readers, 1 / readers), resamples) / readers
    drawn_cases = generator.multinomial(cases, np.full(cases, 1 / cases), resamples) / cases
    means = ((drawn_readers @ values) * drawn_cases).sum(1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)

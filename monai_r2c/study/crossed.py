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
from scipy import optimize, stats

from .estimate import Estimate
from .extras import require

CONFIDENCE = 0.95
ROUNDING = 1e-20
"""Variances below this are rounding errors of none."""


@dataclass(frozen=True)
class Spread:
    """Variance of a mean over readers and cases, in two parts.

    Args:
        readers: variance of the readers' means, divided by their number.
        cases: what the means share through the cases, at least 0.
        reader_freedom, case_freedom: degrees of freedom of the two.
    """

    readers: float
    cases: float
    reader_freedom: float
    case_freedom: float

    @property
    def variance(self) -> float:
        return self.readers + self.cases

    def limit(self, alpha: float) -> float:
        """Two-sided critical value of the mean divided by its standard error."""
        values = [float(stats.t.isf(alpha / 2, freedom)) for freedom in (self.reader_freedom, self.case_freedom)]
        return (self.readers * values[0] + self.cases * values[1]) / self.variance

    def p(self, statistic: float) -> float:
        """The alpha whose critical value is the absolute value of `statistic`."""
        statistic = abs(statistic)
        if statistic >= self.limit(1e-12):
            return 1e-12
        return float(optimize.brentq(lambda alpha: self.limit(alpha) - statistic, 1e-12, 1.0))


def crossed_mean(values: np.ndarray, null: float = 0.0) -> Estimate:
    """Mean over readers and cases that are both random samples, with a t interval.

    The variance of the mean is that of two crossed random effects: of the readers' means over their number, and the
    mean covariance of two of them through the cases they share (MS(R) / r and Cov2 of the method of Obuchowski and
    Rockette for one modality, with the mean as figure of merit). The critical value is the mean of Student's for the
    two, weighted by them. With one reader the interval is over cases and holds for that reader alone.

    Args:
        values: ``(readers, cases)``, complete.
        null: value under the hypothesis that `Estimate.p` tests.

    Source: W. G. Cochran and G. M. Cox, Experimental Designs, second edition (1957), section 4.14.
    """
    readers, cases = values.shape
    mean = float(values.mean()) if values.size else math.nan
    spread = crossed_spread(values)
    if spread is None:
        return Estimate(mean, readers=readers, cases=cases, about="at least two cases are needed for an interval")
    about = "holds for this reader alone" if readers == 1 else ""
    if spread.variance == 0:
        return Estimate(
            mean, mean, mean, readers=readers, cases=cases, about="all answers agree: no spread to judge by"
        )
    error = math.sqrt(spread.variance)
    half = spread.limit(1 - CONFIDENCE) * error
    return Estimate(mean, mean - half, mean + half, spread.p((mean - null) / error), readers, cases, about)


def crossed_spread(values: np.ndarray) -> Spread | None:
    """Variance of the mean of `values` ``(readers, cases)``; None with fewer than two cases."""
    readers, cases = values.shape
    if cases < 2 or readers < 1:
        return None
    covariance = np.atleast_2d(np.cov(values)) / cases
    if readers == 1:
        return Spread(0.0, _variance(covariance[0, 0]), 1.0, cases - 1.0)
    shared = float(covariance.sum() - np.trace(covariance)) / (readers * (readers - 1))
    own = _variance(values.mean(1).var(ddof=1) / readers)
    return Spread(own, _variance(shared), readers - 1.0, cases - 1.0)


def _variance(value: float) -> float:
    return float(value) if value > ROUNDING else 0.0


def crossed_share(values: np.ndarray, null: float = 0.5) -> Estimate:
    """Mean of values in [0, 1], such as preferences with ties half, with an interval that stays in [0, 1].

    Wilson's interval on the number of independent answers that would have the variance of `crossed_mean`, widened to
    its critical value. Where all answers agree, that number is the cases'. The p value is that of `crossed_mean`; where
    all answers agree, that of a sign test over the cases.

    Args:
        values: ``(readers, cases)`` in [0, 1], complete.
        null: share under the hypothesis that is tested.

    Source: E. L. Korn and B. I. Graubard, Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data, Survey Methodology 24 (1998) 193-201.
    """
    linear = crossed_mean(values, null)
    mean, (readers, cases) = linear.value, values.shape
    spread = crossed_spread(values)
    if spread is None:
        return linear
    alpha = 1 - CONFIDENCE
    if spread.variance == 0:
        count, limit = float(cases), float(stats.norm.isf(alpha / 2))
        p = 2 * 0.5**cases if mean in (0.0, 1.0) and null == 0.5 else math.nan
    else:
        margin = 0.5 / (readers * cases)
        inner = min(max(mean, margin), 1 - margin)
        count, limit = inner * (1 - inner) / spread.variance, spread.limit(alpha)
        p = linear.p
    count *= (float(stats.norm.isf(alpha / 2)) / limit) ** 2
    proportion = require("statsmodels.stats.proportion")
    low, high = proportion.proportion_confint(mean * count, count, alpha, method="wilson")
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

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
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from .crossed import CONFIDENCE, ROUNDING
from .estimate import Estimate
from .figures_of_merit import FigureOfMerit


@dataclass(frozen=True)
class Components:
    """Mean squares and error covariances of a figure of merit over methods and readers.

    Args:
        treatment, reader, interaction: mean squares MS(T), MS(R), MS(T*R).
        error: mean variance of one figure.
        cov1: mean covariance of two methods with one reader.
        cov2: of one method with two readers; 0 with one reader.
        cov3: of two methods and two readers; 0 with one reader.
    """

    treatment: float
    reader: float
    interaction: float
    error: float
    cov1: float
    cov2: float
    cov3: float

    @property
    def reader_variance(self) -> float:
        """Variance of the readers' true figures; may be negative, as estimates of variances by differences may."""
        return (self.reader - self.interaction) / 2 - self.cov1 + self.cov3

    @property
    def interaction_variance(self) -> float:
        """Variance of the true figures over methods within readers; may be negative."""
        return self.interaction - self.error + self.cov1 + max(self.cov2 - self.cov3, 0.0)


@dataclass(frozen=True)
class Comparison:
    """What the method of Obuchowski and Rockette finds.

    Args:
        methods: mean figure of each method.
        random: difference of the second from the first method, readers and cases being random samples.
        fixed: the same for these readers only.
        components: of the two methods.
        freedom: denominator degrees of freedom of `random`.
        statistic: F statistic of `random`.
    """

    methods: tuple[Estimate, Estimate]
    random: Estimate
    fixed: Estimate
    components: Components
    freedom: float
    statistic: float

    @property
    def cautious(self) -> Estimate:
        """The wider of the two: `random`, but where these readers differ less than chance makes them differ."""
        widths = [estimate.high - estimate.low for estimate in (self.random, self.fixed)]
        return self.fixed if math.isnan(widths[0]) or widths[0] < widths[1] else self.random


def compare(figures: FigureOfMerit, first: int = 0, second: int = 1) -> Comparison:
    """Compare two methods that the same readers used on the same cases.

    Args:
        figures: of all methods.
        first, second: indices of the two; the difference is second minus first.

    Source: N. A. Obuchowski and H. E. Rockette, Communications in Statistics - Simulation and Computation 24 (1995)
    285-308, with the degrees of freedom of S. L. Hillis, Statistics in Medicine 26 (2007) 596-619,
    doi:10.1002/sim.2532. Covariances come from the jackknife over cases.
    """
    pair = [first, second]
    values = figures.values[pair]
    covariance = figures.covariance()[np.ix_(pair, range(values.shape[1]), pair, range(values.shape[1]))]
    parts = _components(values, covariance)
    readers, cases = values.shape[1], figures.without.shape[0]
    difference = float(values[1].mean() - values[0].mean())
    apart = max(parts.cov2 - parts.cov3, 0.0)
    variance = 2 / readers * (parts.error - parts.cov1 + (readers - 1) * apart)
    fixed = _estimate(difference, variance, math.inf, readers, cases, "holds for these readers alone")
    if readers == 1:
        none = Estimate(difference, readers=1, cases=cases, about="at least two readers are needed")
        return Comparison(_means(values, covariance, cases), none, fixed, parts, math.nan, math.nan)
    error = parts.interaction + readers * apart
    freedom = math.inf if parts.interaction == 0 else error**2 / (parts.interaction**2 / (readers - 1))
    random = _estimate(difference, 2 / readers * error, freedom, readers, cases, "")
    statistic = parts.treatment / error if error > 0 else math.nan
    return Comparison(_means(values, covariance, cases), random, fixed, parts, freedom, statistic)


def _components(values: np.ndarray, covariance: np.ndarray) -> Components:
    methods, readers = values.shape
    of_method, of_reader, mean = values.mean(1), values.mean(0), values.mean()
    rest = values - of_method[:, None] - of_reader + mean
    # (methods, readers, methods, readers) -> (readers, readers) for the same and for two methods
    same = np.einsum("irik->rk", covariance) / methods
    other = (covariance.sum((0, 2)) - methods * same) / (methods * (methods - 1))
    pairs = max(readers * (readers - 1), 1)
    return Components(
        treatment=float(readers * ((of_method - mean) ** 2).sum() / (methods - 1)),
        reader=float(methods * ((of_reader - mean) ** 2).sum() / max(readers - 1, 1)),
        interaction=float((rest**2).sum() / max((methods - 1) * (readers - 1), 1)),
        error=float(np.trace(same) / readers),
        cov1=float(np.trace(other) / readers),
        cov2=float((same.sum() - np.trace(same)) / pairs),
        cov3=float((other.sum() - np.trace(other)) / pairs),
    )


def _means(values: np.ndarray, covariance: np.ndarray, cases: int) -> tuple[Estimate, Estimate]:
    """Each method's mean figure, from its own data alone; figures lie in [0, 1], so their intervals do."""
    found = []
    for method in range(2):
        own, readers = covariance[method, :, method], values.shape[1]
        shared = 0.0 if readers == 1 else max((own.sum() - np.trace(own)) / (readers * (readers - 1)), 0.0)
        if readers == 1:
            found.append(_estimate(float(values[method, 0]), float(own[0, 0]), math.inf, 1, cases, "one reader"))
            continue
        spread = float(values[method].var(ddof=1))
        freedom = math.inf if spread == 0 else (spread + readers * shared) ** 2 / (spread**2 / (readers - 1))
        variance = (spread + readers * shared) / readers
        found.append(_estimate(float(values[method].mean()), float(variance), freedom, readers, cases, ""))
    first, second = (replace(one, low=max(one.low, 0.0), high=min(one.high, 1.0)) for one in found)
    return first, second


def _estimate(value: float, variance: float, freedom: float, readers: int, cases: int, about: str) -> Estimate:
    """An estimate whose p value tests 0."""
    if variance < ROUNDING:
        return Estimate(value, value, value, readers=readers, cases=cases, about="no spread to judge by")
    error = math.sqrt(variance)
    half = float(stats.t.isf((1 - CONFIDENCE) / 2, freedom)) * error
    low, high = max(value - half, -1.0), min(value + half, 1.0)  # figures lie in [0, 1]
    return Estimate(value, low, high, float(2 * stats.t.sf(abs(value) / error, freedom)), readers, cases, about)

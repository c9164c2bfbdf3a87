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

from scipy import stats

from monai_r2c.utils import InputError

from .crossed import Spread

ALPHA = 0.05
MOST_CASES = 5000
READERS = (2, 3, 4, 5, 6, 8, 10, 15)


@dataclass(frozen=True)
class PreferencePlan:
    """What is assumed of a preference study.

    Args:
        share: share that prefers the restored image, in (0, 1), not one half.
        reader_sd: standard deviation of the readers' true shares.
        case_correlation: correlation of two readers' answers to one case.

    The defaults are moderate assumptions, not measurements: a pilot study tells better.
    """

    share: float
    reader_sd: float = 0.08
    case_correlation: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.share == 0.5:
            raise InputError(f"--preference {self.share}: expected a share between 0 and 1 other than 0.5")
        if not 0 <= self.case_correlation <= 1 or self.reader_sd < 0:
            raise InputError("--case-correlation must be in [0, 1] and --reader-sd at least 0")
        if self.reader_sd**2 > self.share * (1 - self.share) * (1 - self.case_correlation):
            raise InputError(f"--reader-sd {self.reader_sd}: more than answers of share {self.share} can vary")

    def power(self, readers: int, cases: int) -> float:
        """Probability that `crossed_mean` finds the preference at 5 %."""
        whole = self.share * (1 - self.share)
        shared = self.case_correlation * whole
        rest = whole - shared - self.reader_sd**2
        expected = Spread((self.reader_sd**2 + rest / cases) / readers, shared / cases, readers - 1, cases - 1)
        freedom = _hillis(expected.readers, expected.variance, readers, max(cases - 1, readers - 1))
        return _power(self.share - 0.5, expected.variance, freedom, expected.limit(ALPHA))


@dataclass(frozen=True)
class AUCPlan:
    """What is assumed of a diagnosis study.

    Args:
        auc: AUC on the poor images, in (0.5, 1).
        difference: of the restored from the poor images.
        prevalence: share of positive cases in the study.
        interaction_sd: standard deviation over readers of a method's true AUC beside the reader's own level.
        correlations: of the errors of two AUCs: one reader and two methods; two readers and one method; both differ.

    The default standard deviation and correlations are those of the study of Van Dyke et al. (1993), 5 readers and 114
    cases, as published with the software of its re-analysis.
    """

    auc: float
    difference: float
    prevalence: float = 0.5
    interaction_sd: float = 0.014
    correlations: tuple[float, float, float] = (0.43, 0.43, 0.30)

    def __post_init__(self) -> None:
        if not 0.5 < self.auc < 1 or not 0.5 <= self.auc + self.difference < 1 or self.difference == 0:
            raise InputError(
                f"--auc {self.auc} --auc-difference {self.difference}: both AUCs must lie between 0.5 and 1 and differ"
            )
        if not 0 < self.prevalence < 1:
            raise InputError(f"--prevalence {self.prevalence}: expected a share between 0 and 1")

    def power(self, readers: int, cases: int) -> float:
        """Probability that the test of Obuchowski and Rockette finds the difference at 5 %."""
        first, second, third = self.correlations
        positives = max(2, round(self.prevalence * cases))
        error = hanley_mcneil(self.auc + self.difference / 2, positives, max(2, cases - positives))
        apart = max(second - third, 0.0)
        interaction = self.interaction_sd**2 + error * (1 - first - apart)
        whole = interaction + readers * error * apart
        return _power(self.difference, 2 / readers * whole, _hillis(interaction, whole, readers, math.inf))


def cases_needed(plan: PreferencePlan | AUCPlan, readers: int, power: float = 0.8) -> int | None:
    """Fewest cases that give the power with so many readers; None where no number up to `MOST_CASES` does."""
    if not 0 < power < 1:
        raise InputError(f"--power {power}: expected a probability between 0 and 1")
    low, high = 4, MOST_CASES
    if readers < 2 or plan.power(readers, high) < power:
        return None
    while low < high:
        middle = (low + high) // 2
        if plan.power(readers, middle) >= power:
            high = middle
        else:
            low = middle + 1
    return low


def hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """Variance of an empirical AUC.

    Source: J. A. Hanley and B. J. McNeil, The meaning and use of the area under a receiver operating characteristic
    (ROC) curve, Radiology 143 (1982) 29-36.
    """
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (one - auc**2) + (negatives - 1) * (two - auc**2)
    return spread / (positives * negatives)


def _hillis(part: float, whole: float, readers: int, most: float) -> float:
    return most if part == 0 else min(whole**2 / (part**2 / (readers - 1)), most)


def _power(effect: float, variance: float, freedom: float, limit: float | None = None) -> float:
    """Two-sided power of a t test at `ALPHA`, or with another critical value."""
    shift = abs(effect) / math.sqrt(variance)
    freedom = min(freedom, 1e6)
    critical = float(stats.t.isf(ALPHA / 2, freedom)) if limit is None else limit
    return float(stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift))

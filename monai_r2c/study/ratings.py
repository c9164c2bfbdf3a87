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

from dataclasses import dataclass, replace

import numpy as np

from .agreement import pairwise, within_reader
from .answers import StudyAnswers, complete
from .crossed import crossed_mean
from .design import RATING, SPOILT
from .estimate import Estimate
from .extras import require
from .questions import RATINGS


@dataclass(frozen=True)
class RatingChange:
    """How a rating changes from one condition to another.

    Args:
        question: key of the rating; 5 is always best.
        first, second: the two conditions.
        means: mean rating of each.
        difference: second less first, paired; its p value is Holm's over the questions.
        better, same, worse: shares of the paired answers.
        cohen: mean quadratic kappa over pairs of readers, both conditions together.
        self_kappa: quadratic kappa of each reader with himself on repeated screens.
    """

    question: str
    first: str
    second: str
    means: tuple[float, float]
    difference: Estimate
    better: float
    same: float
    worse: float
    cohen: float
    self_kappa: Estimate


def analyse_ratings(answers: StudyAnswers, first: str, second: str) -> list[RatingChange]:
    """Compare two conditions in every rating; empty when no reader did enough."""
    readers = answers.analysed(RATING)
    found = []
    for question in RATINGS:
        values = [
            {(r.reader, r.case): r.answer[question] for r in answers.of(RATING, shown=(name,)) if r.reader in readers}
            for name in (first, second)
        ]
        both = {place: (values[0][place], values[1][place]) for place in values[0] if place in values[1]}
        pairs, cases = complete({place: pair[1] - pair[0] for place, pair in both.items()}, readers)
        if not cases:
            return []
        before, after = (complete({p: pair[i] for p, pair in both.items()}, readers)[0] for i in (0, 1))
        again = [(a.answer[question], b.answer[question]) for a, b in answers.repeated(RATING) if a.reader in readers]
        found.append(
            RatingChange(
                question,
                first,
                second,
                (float(before.mean()), float(after.mean())),
                crossed_mean(pairs),
                float((pairs > 0).mean()),
                float((pairs == 0).mean()),
                float((pairs < 0).mean()),
                pairwise(np.concatenate([before, after], 1), "quadratic"),
                within_reader([a for a, _ in again], [b for _, b in again], "quadratic"),
            )
        )
    return _corrected(found)


def passed_catches(answers: StudyAnswers) -> dict[str, tuple[int, int]]:
    """Spoiled images that each reader rated below his own mean of all images, and their number."""
    found: dict[str, tuple[int, int]] = {}
    for reader in answers.readers:
        mine = [np.mean(list(r.answer.values())) for r in answers.of(RATING) if r.reader == reader]
        spoiled = [r for r in answers.catches(RATING) if r.reader == reader and r.shown[0].endswith(SPOILT)]
        if mine and spoiled:
            good = sum(np.mean(list(r.answer.values())) < np.mean(mine) for r in spoiled)
            found[reader] = (int(good), len(spoiled))
    return found


def _corrected(found: list[RatingChange]) -> list[RatingChange]:
    """Holm's correction over the questions whose test is defined."""
    tested = [i for i, change in enumerate(found) if not np.isnan(change.difference.p)]
    if tested:
        multitest = require("statsmodels.stats.multitest")
        _, corrected, _, _ = multitest.multipletests([found[i].difference.p for i in tested], method="holm")
        for i, p in zip(tested, corrected):
            found[i] = replace(found[i], difference=replace(found[i].difference, p=float(p)))
    return found

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
from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy import stats

from .agreement import between_readers, pairwise, within_reader
from .answers import Reading, StudyAnswers, complete
from .crossed import bootstrap_mean, crossed_share
from .design import PREFERENCE, SAME
from .estimate import Estimate
from .questions import LEFT, RIGHT, TIE


@dataclass(frozen=True)
class Preference:
    """How often one method's image is preferred to another's.

    Args:
        first, second: the two conditions; all shares are of the second.
        share: mean over readers and cases, ties half; tested against one half.
        bootstrap: the same from resampled readers and cases.
        readers: share by reader.
        counts: answers by ``first``, ``tie``, ``second``.
        decided: share among answers that are no tie.
        left: share of the left image, ties half; tested against one half.
        later: share in the later half of the screens less that in the earlier half, over readers.
        kappa: Fleiss' kappa of the three answers.
        cohen: mean of Cohen's kappa over pairs of readers.
        self_kappa: Cohen's kappa of each reader with himself on repeated screens, all readers together.
        self_same: share of repeated screens answered alike, and their number.
    """

    first: str
    second: str
    share: Estimate
    bootstrap: tuple[float, float]
    readers: dict[str, Estimate]
    counts: dict[str, int]
    decided: float
    left: Estimate
    later: Estimate
    kappa: Estimate
    cohen: float
    self_kappa: Estimate
    self_same: tuple[float, int]


def analyse_preference(answers: StudyAnswers, first: str, second: str) -> Preference | None:
    """Analyse the comparison of two conditions; None when no reader did enough of it."""
    readers = answers.analysed(PREFERENCE)
    readings = [r for r in answers.of(PREFERENCE, shown=(first, second)) if r.reader in readers]
    chosen, cases = complete({(r.reader, r.case): _value(r, second) for r in readings}, readers)
    if not readers or not cases:
        return None
    left, _ = complete({(r.reader, r.case): _side(r) for r in readings if r.case in cases}, readers)
    kept = [r for r in readings if r.case in cases]
    counts = Counter({0.0: "first", 0.5: "tie", 1.0: "second"}[_value(r, second)] for r in kept)
    decided = counts["first"] + counts["second"]
    pairs = [
        (_value(a, second), _value(b, second))
        for a, b in answers.repeated(PREFERENCE)
        if sorted(a.shown) == sorted((first, second)) and a.reader in readers
    ]
    before, after = [2 * a for a, _ in pairs], [2 * b for _, b in pairs]
    return Preference(
        first,
        second,
        crossed_share(chosen),
        bootstrap_mean(chosen),
        {reader: crossed_share(chosen[[i]]) for i, reader in enumerate(readers)},
        {name: counts[name] for name in ("first", "tie", "second")},
        counts["second"] / decided if decided else math.nan,
        crossed_share(left),
        _later(kept, readers, second, answers),
        between_readers(2 * chosen),
        pairwise(2 * chosen),
        within_reader(before, after),
        (float(np.mean([a == b for a, b in pairs])) if pairs else math.nan, len(pairs)),
    )


def passed_catches(answers: StudyAnswers) -> dict[str, tuple[int, int]]:
    """Catch trials that each reader answered rightly, and their number."""
    found: dict[str, tuple[int, int]] = {}
    for reading in answers.catches(PREFERENCE):
        choice = reading.answer["choice"]
        if reading.kind == SAME:
            right = choice == TIE
        else:
            right = choice == (RIGHT if reading.shown[0].endswith(":spoiled") else LEFT)
        good, total = found.get(reading.reader, (0, 0))
        found[reading.reader] = (good + right, total + 1)
    return found


def _value(reading: Reading, second: str) -> float:
    choice = reading.answer["choice"]
    return 0.5 if choice == TIE else float(reading.shown[(LEFT, RIGHT).index(choice)] == second)


def _side(reading: Reading) -> float:
    return {LEFT: 1.0, TIE: 0.5, RIGHT: 0.0}[reading.answer["choice"]]


def _later(kept: list[Reading], readers: list[str], second: str, answers: StudyAnswers) -> Estimate:
    order = {trial: number for number, trial in enumerate(answers.key["trials"])}
    differences = []
    for reader in readers:
        own = sorted((r for r in kept if r.reader == reader), key=lambda r: order[r.trial])
        values = [_value(r, second) for r in own]
        half = len(values) // 2
        if half:
            differences.append(float(np.mean(values[half:]) - np.mean(values[:half])))
    value = float(np.mean(differences)) if differences else math.nan
    if len(differences) < 2 or np.std(differences) == 0:
        return Estimate(value, readers=len(differences), about="needs two readers for an interval")
    test = stats.ttest_1samp(differences, 0)
    low, high = test.confidence_interval()
    return Estimate(value, max(float(low), -1.0), min(float(high), 1.0), float(test.pvalue), len(differences))

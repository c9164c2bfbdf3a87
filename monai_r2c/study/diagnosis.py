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

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from .agreement import between_readers, within_reader
from .answers import Reading, StudyAnswers
from .design import DIAGNOSIS
from .estimate import Estimate
from .figures_of_merit import auc, share
from .obuchowski_rockette import Comparison, compare

FIGURES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "auc": "AUC"}


@dataclass(frozen=True)
class CaseChange:
    """A case that readers called otherwise on the two images.

    Args:
        case: its number in the key.
        name: of the poor image.
        label: true class.
        readers: who changed from right to wrong.
        others: who changed from wrong to right.
        marks: by reader, the places marked on the first and on the second image.
    """

    case: int
    name: str
    label: str
    readers: tuple[str, ...]
    others: tuple[str, ...]
    marks: dict[str, tuple[list[list[float]], list[list[float]]]]


@dataclass(frozen=True)
class Diagnosis:
    """What readers find on one method's images and on another's.

    Args:
        first, second: the two conditions; differences are second less first.
        positive: class that counts as positive.
        figures: comparison by ``sensitivity``, ``specificity`` and ``auc``.
        by_reader: figure by name: ``(2, readers)``.
        readers: names.
        cases: numbers of positive and of negative cases.
        non_inferior: whether the lower limit of the difference in sensitivity lies above the margin; None where it
            cannot be judged.
        margin: largest loss of sensitivity that would be accepted.
        lost, gained: findings (a reader and a positive case) right on the first image only, on the second only.
        invented, cleared: the same for negative cases: called positive on the second image only, on the first only.
        hidden_cases, invented_cases: the cases behind `lost` and `invented`.
        kappa: Fleiss' kappa of the classes, for each condition.
        self_kappa: of each reader with himself on repeated screens.
    """

    first: str
    second: str
    positive: str
    figures: dict[str, Comparison]
    by_reader: dict[str, np.ndarray]
    readers: list[str]
    cases: tuple[int, int]
    non_inferior: bool | None
    margin: float
    lost: int
    gained: int
    invented: int
    cleared: int
    hidden_cases: list[CaseChange]
    invented_cases: list[CaseChange]
    kappa: tuple[Estimate, Estimate]
    self_kappa: Estimate


def analyse_diagnosis(answers: StudyAnswers, first: str, second: str, margin: float) -> Diagnosis | str:
    """Compare two conditions; a line that says why where it cannot be done."""
    readers, positive = answers.analysed(DIAGNOSIS), answers.key["positive"]
    found = {
        (r.reader, r.case, r.shown[0]): r
        for r in answers.of(DIAGNOSIS)
        if r.reader in readers and r.shown[0] in (first, second)
    }
    labels = [case["label"] for case in answers.key["cases"]]
    cases = [
        case
        for case, label in enumerate(labels)
        if label is not None and all((reader, case, name) in found for reader in readers for name in (first, second))
    ]
    truth = np.array([labels[case] == positive for case in cases], dtype=bool)
    if not readers or truth.sum() < 2 or (~truth).sum() < 2:
        return "fewer than two positive and two negative cases were read on both images by all readers"
    rows = [[[found[reader, case, name] for case in cases] for reader in readers] for name in (first, second)]
    called = np.array([[[r.answer["class"] == positive for r in row] for row in half] for half in rows])
    scores = np.array([[[_score(r, positive) for r in row] for row in half] for half in rows])
    merits = {
        "sensitivity": share(called[..., truth].astype(float)),
        "specificity": share((~called[..., ~truth]).astype(float)),
        "auc": auc(scores, truth),
    }
    figures = {name: compare(merit) for name, merit in merits.items()}
    classes = list(answers.key["classes"])
    named = np.array([[[classes.index(r.answer["class"]) for r in row] for row in half] for half in rows])
    again = [
        (classes.index(a.answer["class"]), classes.index(b.answer["class"]))
        for a, b in answers.repeated(DIAGNOSIS)
        if a.reader in readers
    ]
    lost, gained = truth & called[0] & ~called[1], truth & ~called[0] & called[1]
    invented, cleared = ~truth & ~called[0] & called[1], ~truth & called[0] & ~called[1]
    return Diagnosis(
        first,
        second,
        positive,
        figures,
        {name: merit.values for name, merit in merits.items()},
        readers,
        (int(truth.sum()), int((~truth).sum())),
        _non_inferior(figures["sensitivity"], margin),
        margin,
        int(lost.sum()),
        int(gained.sum()),
        int(invented.sum()),
        int(cleared.sum()),
        _changes(answers, rows, cases, readers, lost, gained),
        _changes(answers, rows, cases, readers, invented, cleared),
        (between_readers(named[0]), between_readers(named[1])),
        within_reader([a for a, _ in again], [b for _, b in again]),
    )


def washout_faults(answers: StudyAnswers) -> list[str]:
    """Readers who began a diagnosis sitting before the wash-out was over."""
    faults = []
    for reader in answers.readers:
        times: dict[int, list[datetime]] = {}
        for r in answers.readings:
            if r.reader == reader and r.task == DIAGNOSIS:
                times.setdefault(r.sitting, []).append(datetime.fromisoformat(r.at.replace("Z", "+00:00")))
        for before, after in pairwise(sorted(times)):
            days = (min(times[after]) - max(times[before])).total_seconds() / 86400
            if days < answers.key["washout_days"]:
                faults.append(f"{reader}: {max(days, 0):.1f} days between sittings {before + 1} and {after + 1}")
    return faults


def _score(reading: Reading, positive: str) -> int:
    """Class and confidence on one scale of ten steps, from a certain negative (-5) to a certain positive (4)."""
    confidence = int(reading.answer["confidence"])
    return confidence - 1 if reading.answer["class"] == positive else -confidence


def _non_inferior(comparison: Comparison, margin: float) -> bool | None:
    estimate = comparison.cautious
    return None if np.isnan(estimate.p) else bool(estimate.low > -margin)


def _changes(
    answers: StudyAnswers,
    rows: list[list[list[Reading]]],
    cases: list[int],
    readers: list[str],
    wrong: np.ndarray,
    right: np.ndarray,
) -> list[CaseChange]:
    found = []
    for place, case in enumerate(cases):
        if wrong[:, place].any():
            about = answers.key["cases"][case]
            who = tuple(reader for i, reader in enumerate(readers) if wrong[i, place])
            marks = {
                reader: (rows[0][i][place].answer.get("marks", []), rows[1][i][place].answer.get("marks", []))
                for i, reader in enumerate(readers)
                if wrong[i, place]
            }
            others = tuple(reader for i, reader in enumerate(readers) if right[i, place])
            found.append(CaseChange(case, about["name"], about["label"], who, others, marks))
    return sorted(found, key=lambda change: -len(change.readers))

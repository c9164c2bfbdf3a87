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

from .answers import StudyAnswers
from .design import DIAGNOSIS, PREFERENCE
from .diagnosis import FIGURES, Diagnosis, washout_faults
from .estimate import Estimate
from .flow import poor_attention
from .preference import Preference
from .ratings import RatingChange

_FEW_READERS = 5


def cannot_conclude(
    answers: StudyAnswers,
    preferences: list[Preference],
    changes: list[RatingChange],
    diagnoses: list[Diagnosis],
) -> list[str]:
    """What the numbers do not show, one line each."""
    lines = []
    readers = max((len(answers.analysed(task)) for task in answers.tasks), default=0)
    if readers < 2:
        lines.append("One reader or none was analysed: nothing holds for other readers.")
    elif readers < _FEW_READERS:
        lines.append(
            f"{readers} readers are a small sample of readers: intervals are wide, and rest on the assumption that "
            "others would read as these do."
        )
    lines.append(
        f"The cases are {len(answers.key['cases'])} of one collection; nothing is shown for other collections."
    )
    if PREFERENCE in answers.tasks or changes:
        lines.append(
            "That an image is preferred or rated higher does not show that it is diagnosed better, or that what it "
            "shows is there."
        )
    for found in preferences:
        name = f"{found.second} over {found.first}"
        lines += _open(f"a preference of {name}", found.share, 0.5)
        if not math.isnan(found.left.p) and found.left.p < 0.05:
            lines.append(
                f"The side mattered ({name}: left {found.left.text(2)}); sides were balanced, so this adds noise."
            )
        if found.self_kappa.value < 0.4:
            lines.append(f"Readers hardly agree with themselves on {name} (kappa {found.self_kappa.text(2)}).")
    if DIAGNOSIS not in answers.tasks:
        lines.append("Nothing was asked about findings: whether restoration hides or invents them is unknown.")
    elif not diagnoses:
        lines.append("Findings could not be compared: whether restoration hides or invents them is unknown.")
    for one in diagnoses:
        lines += _diagnosis(one)
    faults = washout_faults(answers)
    if faults:
        lines.append(f"The wash-out was not kept ({'; '.join(faults)}): readers may have remembered cases.")
    attention = poor_attention(answers)
    if attention:
        lines.append(f"Catch trials were failed: {'; '.join(attention)}.")
    if answers.unfinished:
        lines.append(f"{answers.unfinished} screens were begun and not finished; they do not count.")
    return lines


def _diagnosis(found: Diagnosis) -> list[str]:
    lines = []
    name = f"{found.second} and {found.first}"
    lines += _open(f"a difference in AUC between {name}", found.figures["auc"].cautious, 0.0)
    for key, title in FIGURES.items():
        comparison = found.figures[key]
        if len(found.readers) > 1 and comparison.cautious is not comparison.random:
            lines.append(
                f"The interval of the difference in {title} ({name}) is narrower for other readers than for these, who "
                "differ less than chance makes readers differ. The report goes by the wider one."
            )
    if not found.non_inferior:
        lines.append(
            f"It is not shown that {found.second} loses at most {found.margin:g} of the sensitivity of {found.first}."
        )
    lines.append(
        "True classes are those of the study's labels; marks were compared with no true place, so a right class may "
        "rest on a wrong finding."
    )
    return lines


def _open(what: str, estimate: Estimate, null: float) -> list[str]:
    if math.isnan(estimate.p):
        return [f"Whether there is {what} cannot be tested here."]
    if estimate.p >= 0.05:
        shown = estimate.text(2)
        return [
            f"Neither {what} nor its absence is shown: {shown} holds {null:g}, and all other values in it are possible."
        ]
    return []

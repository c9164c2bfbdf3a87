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

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from monai_r2c.utils.files import write_text_atomically

from .answers import StudyAnswers, load_answers
from .case_pictures import draw_case
from .design import DIAGNOSIS, PREFERENCE, RATING
from .diagnosis import CaseChange, Diagnosis, analyse_diagnosis
from .document import Document, Drawing, Grid, Heading, Lines, Part, Text
from .drawing import flow
from .flow import case_flow, reader_flow, reader_table
from .limits import cannot_conclude
from .preference import Preference, analyse_preference
from .ratings import RatingChange, analyse_ratings
from .sections import diagnosis_section, preference_section, rating_section

MARGIN = 0.05


def analyse_study(study: Path, files: Sequence[Path], out: Path, margin: float = MARGIN) -> list[Path]:
    """Analyse the answers to a study and write ``report.html``, ``report.md`` and ``analysis.json``.

    Args:
        study: the study's folder, with its key.
        files: answers that readers saved, or the server's database.
        out: folder to write to.
        margin: largest loss of sensitivity that would be accepted, for the test of non-inferiority.

    Returns:
        The written files.

    Raises:
        InputError: see `load_answers`.
    """
    answers = load_answers(study, files)
    results = analyse_answers(answers, margin)
    document = report(study, answers, *results)
    preferences, changes, diagnoses, undone = results
    numbers = {
        "study": answers.key["study"],
        "conditions": answers.conditions,
        "preference": preferences,
        "rating": changes,
        "diagnosis": diagnoses,
        "not_analysed": undone,
    }
    written = {
        "report.html": document.html(),
        "report.md": document.markdown(),
        "analysis.json": json.dumps(_plain(numbers), indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in written.items():
        write_text_atomically(out / name, text)
    return [out / name for name in written]


Results = tuple[list[Preference], list[RatingChange], list[Diagnosis], list[str]]


def analyse_answers(answers: StudyAnswers, margin: float = MARGIN) -> Results:
    """Compare all pairs of conditions in every task.

    Returns:
        Preferences, changes of ratings, diagnoses, and why comparisons could not be made.
    """
    preferences, changes, diagnoses, undone = [], [], [], []
    for first, second in combinations(answers.conditions, 2):
        name = f"{second} and {first}"
        if PREFERENCE in answers.tasks:
            found = analyse_preference(answers, first, second)
            preferences += [found] if found else []
            undone += [] if found else [f"preference, {name}: no reader did enough"]
        if RATING in answers.tasks:
            rated = analyse_ratings(answers, first, second)
            changes += rated
            undone += [] if rated else [f"rating, {name}: no reader did enough"]
        if DIAGNOSIS in answers.tasks:
            read = analyse_diagnosis(answers, first, second, margin)
            if isinstance(read, str):
                undone.append(f"diagnosis, {name}: {read}")
            else:
                diagnoses.append(read)
    return preferences, changes, diagnoses, undone


def report(
    study: Path,
    answers: StudyAnswers,
    preferences: list[Preference],
    changes: list[RatingChange],
    diagnoses: list[Diagnosis],
    undone: list[str],
) -> Document:
    """Lay the analysis out."""
    written = f"Study {answers.key['study']}, written {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    document = Document("Reader study", written)
    document.warnings += [f"Not analysed: {line}" for line in undone]
    for found in preferences:
        document.tiles.append((f"{found.second} preferred to {found.first}", *_split(found.share)))
    for one in diagnoses:
        for key in ("auc", "sensitivity"):
            estimate = one.figures[key].cautious
            document.tiles.append(
                (f"{key if key != 'auc' else 'AUC'}, {one.second} less {one.first}", *_split(estimate))
            )
    document.sections.append(("Flow", _flow(answers)))
    if preferences:
        document.sections.append(("Preference", preference_section(preferences)))
    if changes:
        document.sections.append(("Ratings", rating_section(changes)))
    if diagnoses:

        def draw(change: CaseChange, one: Diagnosis) -> Part:
            return draw_case(study, answers.key, change, (one.first, one.second))

        document.sections.append(("Finding and diagnosis", diagnosis_section(diagnoses, draw)))
    lines = cannot_conclude(answers, preferences, changes, diagnoses)
    document.sections.append(("What cannot be concluded", [Lines(lines)]))
    return document


def _flow(answers: StudyAnswers) -> list[Part]:
    parts: list[Part] = []
    for heading, stages in (
        ("Cases", case_flow(answers)),
        *((f"Readers: {task}", reader_flow(answers, task)) for task in answers.tasks),
    ):
        lines = [text + (f" (then left out: {'; '.join(reasons)})" if reasons else "") for text, reasons in stages]
        parts += [Heading(heading), Drawing(flow(stages), lines)]
    parts += [Heading("What each reader did"), Grid(reader_table(answers))]
    parts.append(Text("Repeats and catch trials measure the readers and count in no result."))
    return parts


def _split(estimate: Any) -> tuple[str, str]:
    value, _, interval = estimate.text().partition(" ")
    return value, interval


def _plain(value: Any) -> Any:
    """Plain values for JSON, undefined numbers as None."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(part) for name, part in asdict(value).items()}
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

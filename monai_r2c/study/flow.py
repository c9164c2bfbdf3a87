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

from collections.abc import Sequence

import numpy as np

from . import preference, ratings
from .answers import ENOUGH, StudyAnswers
from .design import PREFERENCE, RATING

Stage = tuple[str, Sequence[str]]


def case_flow(answers: StudyAnswers) -> list[Stage]:
    """Cases from those that were there to those in the study, with reasons."""
    left_out = answers.key.get("left_out", {})
    chosen = len(answers.key["cases"])
    return [
        (f"{chosen + sum(left_out.values())} cases available", [f"{n} {reason}" for reason, n in left_out.items()]),
        (f"{chosen} cases in the study", []),
    ]


def reader_flow(answers: StudyAnswers, task: str) -> list[Stage]:
    """Readers of one task from those invited to those analysed, with reasons."""
    invited, analysed = answers.invited, answers.analysed(task)
    begun = sorted({r.reader for r in answers.of(task)}, key=invited.index)
    silent = len(invited) - len(begun)
    stopped = [reader for reader in begun if reader not in analysed]
    done = sum(r.reader in analysed for r in answers.of(task))
    asked = sum(answers.asked(task, reader) for reader in analysed)
    return [
        (f"{len(invited)} readers invited", [f"{silent} without an answer"] if silent else []),
        (f"{len(begun)} began", [f"{r} did less than {ENOUGH:.0%} of the screens" for r in stopped]),
        (f"{len(analysed)} analysed, {done} of {asked} screens", []),
    ]


def reader_table(answers: StudyAnswers) -> tuple[list[str], list[list[str]]]:
    """What each reader did: screens, time, catch trials."""
    caught = {PREFERENCE: preference.passed_catches(answers), RATING: ratings.passed_catches(answers)}
    rows = []
    for reader in answers.invited:
        for task in answers.tasks:
            own = [r for r in answers.readings if (r.reader, r.task) == (reader, task)]
            asked = sum((m["reader"], m["task"]) == (reader, task) for m in answers.key["trials"].values())
            seconds = f"{np.median([r.seconds for r in own]):.1f}" if own else ""
            good, total = caught.get(task, {}).get(reader, (0, 0))
            rows.append([reader, task, f"{len(own)} of {asked}", seconds, f"{good} of {total}" if total else ""])
    return ["Reader", "Task", "Screens done", "Median seconds", "Catch trials passed"], rows


def poor_attention(answers: StudyAnswers) -> list[str]:
    """Readers who failed half or more of a task's catch trials."""
    found = []
    for task, caught in ((PREFERENCE, preference.passed_catches(answers)), (RATING, ratings.passed_catches(answers))):
        found += [
            f"{reader} passed {good} of {total} catch trials of the {task}"
            for reader, (good, total) in caught.items()
            if 2 * good <= total
        ]
    return found

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from monai_r2c.utils import InputError

from .design import ORDINARY, REPEAT, SAME, SPOILED
from .make import FORMAT, KEY
from .questions import check_answer, is_complete, questions
from .storage import read_answers

ENOUGH = 0.8
"""Share of a task's screens that a reader must have done to be analysed."""


@dataclass(frozen=True)
class Reading:
    """One answered screen and what was on it.

    Args:
        reader, sitting, task, kind, case, shown, repeats: see `design.Trial`; `repeats` names the repeated trial.
        trial: its name.
        answer: by question.
        seconds: how long it was looked at.
        at: when the answer was last changed.
    """

    trial: str
    reader: str
    sitting: int
    task: str
    kind: str
    case: int
    shown: tuple[str, ...]
    answer: Mapping[str, Any]
    seconds: float
    at: str
    repeats: str | None = None


@dataclass(frozen=True)
class StudyAnswers:
    """A study's key with the answers that are there.

    Args:
        key: content of ``key/key.json``.
        readings: answered screens of all readers.
        unfinished: number of screens that a reader had begun and not finished.
    """

    key: Mapping[str, Any]
    readings: tuple[Reading, ...]
    unfinished: int = 0
    by_trial: Mapping[str, Reading] = field(default_factory=dict)

    @property
    def readers(self) -> list[str]:
        """Readers with an answer, in order."""
        return sorted({reading.reader for reading in self.readings}, key=_number)

    @property
    def invited(self) -> list[str]:
        """Readers that the study was made for."""
        return sorted({meaning["reader"] for meaning in self.key["trials"].values()}, key=_number)

    @property
    def conditions(self) -> list[str]:
        return list(self.key["conditions"])

    @property
    def tasks(self) -> list[str]:
        """Tasks of the study, in the order of its sittings."""
        return list(dict.fromkeys(meaning["task"] for meaning in self.key["trials"].values()))

    def asked(self, task: str, reader: str) -> int:
        """Number of ordinary screens of a task that a reader was asked."""
        return sum(
            m["task"] == task and m["reader"] == reader and m["kind"] == ORDINARY for m in self.key["trials"].values()
        )

    def of(self, task: str, kind: str = ORDINARY, shown: Iterable[str] | None = None) -> list[Reading]:
        """Readings of one task and kind, and with `shown` those of exactly these conditions in any order."""
        wanted = None if shown is None else sorted(shown)
        return [
            reading
            for reading in self.readings
            if reading.task == task and reading.kind == kind and (wanted is None or sorted(reading.shown) == wanted)
        ]

    def catches(self, task: str) -> list[Reading]:
        return self.of(task, SAME) + self.of(task, SPOILED)

    def repeated(self, task: str) -> list[tuple[Reading, Reading]]:
        """First and second reading of the screens that came again."""
        pairs = []
        for reading in self.of(task, REPEAT):
            first = self.by_trial.get(reading.repeats or "")
            if first is not None:
                pairs.append((first, reading))
        return pairs

    def analysed(self, task: str) -> list[str]:
        """Readers who did enough of a task, see `ENOUGH`."""
        done = {reader: sum(r.reader == reader for r in self.of(task)) for reader in self.readers}
        return [reader for reader in self.readers if done[reader] >= ENOUGH * max(self.asked(task, reader), 1)]


def load_answers(study: Path, files: Sequence[Path]) -> StudyAnswers:
    """Read a study's key and its readers' answers.

    Where two files hold answers to one screen, the later answer counts.

    Args:
        study: the study's folder.
        files: JSON files that readers saved, or the database of ``study serve``.

    Raises:
        InputError: when a file is not of this study, or holds what its page cannot have written.
    """
    path = study / KEY
    key = _read(path, "the key of a study")
    if key.get("format") != FORMAT or not {"study", "trials", "cases", "conditions"} <= set(key):
        raise InputError(f"{path}: is not the key of a study of this version")
    records: dict[str, dict[str, Any]] = {}
    for file in files:
        for content in read_answers(file) if file.suffix == ".sqlite" else [_read(file, "answers")]:
            _check_file(file, content, key)
            for trial, record in content["answers"].items():
                other = records.get(trial)
                if other is None or str(record["at"]) > str(other["at"]):
                    records[trial] = record
    asked = questions(key["classes"])
    readings = []
    for trial, meaning in key["trials"].items():
        record = records.get(trial)
        if record is None or not record["done"] or not is_complete(meaning["task"], record["answer"], asked):
            continue
        known = {name: meaning[name] for name in ("reader", "sitting", "task", "kind", "case")}
        told = {"answer": record["answer"], "seconds": float(record["seconds"]), "at": record["at"]}
        readings.append(
            Reading(trial=trial, shown=tuple(meaning["shown"]), repeats=meaning.get("repeats"), **known, **told)
        )
    by_trial = {reading.trial: reading for reading in readings}
    return StudyAnswers(key, tuple(readings), len(records) - len(readings), by_trial)


def complete(values: Mapping[tuple[str, int], Any], readers: Sequence[str]) -> tuple[np.ndarray, list[int]]:
    """Values of all readers over the cases that every one of them has.

    Returns:
        ``(readers, cases)`` and the numbers of the cases; empty without readers.
    """
    cases = sorted({case for _, case in values})
    kept = [case for case in cases if all((reader, case) in values for reader in readers)] if readers else []
    return np.array([[values[reader, case] for case in kept] for reader in readers], dtype=float), kept


def _read(path: Path, what: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected {what}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not {what}: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: is not {what}")
    return content


def _check_file(file: Path, content: Mapping[str, Any], key: Mapping[str, Any]) -> None:
    if content.get("study") != key["study"] or not isinstance(content.get("answers"), dict):
        raise InputError(f"{file}: holds no answers to this study ({key['study']})")
    asked = questions(key["classes"])
    for trial, record in content["answers"].items():
        meaning, where = key["trials"].get(trial), f"{file}: screen {trial}"
        if meaning is None or meaning["reader"] != content.get("reader"):
            raise InputError(f"{where}: is none of reader {content.get('reader')}")
        check_record(meaning["task"], record, asked, where)


def check_record(task: str, record: Any, asked: Mapping[str, Any], where: str) -> None:
    """Refuse a record that the page cannot have made.

    Raises:
        InputError: one line with `where` and what is wrong.
    """
    if not isinstance(record, dict) or not isinstance(record.get("answer"), dict):
        raise InputError(f"{where}: expected an object with answer, done, seconds and at")
    if not isinstance(record.get("done"), bool):
        raise InputError(f"{where}: done must be true or false")
    seconds = record.get("seconds")
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < 1e7:
        raise InputError(f"{where}: seconds must be a number from 0")
    try:
        datetime.fromisoformat(str(record.get("at")).replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(f"{where}: at must be a time such as 2026-01-31T09:30:00Z") from error
    check_answer(task, record["answer"], asked, where)


def _number(reader: str) -> tuple[int, str]:
    digits = reader.lstrip("R")
    return (int(digits), reader) if digits.isdigit() else (10**9, reader)

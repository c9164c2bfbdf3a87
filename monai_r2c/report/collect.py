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

import csv
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from monai_r2c.data import Datalist, find_confounding, read_datalist
from monai_r2c.handlers.score_table import ScoreRow
from monai_r2c.metrics import Score
from monai_r2c.utils import InputError

_Row = TypeVar("_Row")
_MARKS = ("metrics.csv", "evaluation.csv", "datalist.json")


@dataclass(frozen=True)
class RunContents:
    """What a run's folder holds, as far as a report needs it; what a run has not made yet is empty.

    Args:
        folder: of the run.
        settings: of ``configuration.json``, by name.
        versions: of the packages, by name.
        datalist: the run's images.
        warnings: one line for each confounding of the datalist.
        history: rows of ``metrics.csv``: numbers by column, undefined ones left out.
        scores: rows of ``evaluation.csv``.
        predictions: rows of ``images.csv``.
        cases: content of ``cases/cases.json``.
    """

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    datalist: Datalist | None = None
    warnings: list[str] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    predictions: list[dict[str, str]] = field(default_factory=list)
    cases: dict[str, Any] = field(default_factory=dict)

    def counts(self) -> dict[tuple[str, str], list[int]]:
        """Images of each class by section and domain, empty places left out."""
        if self.datalist is None:
            return {}
        found = Counter((entry.section, entry.domain, entry.label) for entry in self.datalist.entries)
        places = dict.fromkeys((entry.section, entry.domain) for entry in self.datalist.entries)
        return {place: [found[(*place, label)] for label in range(len(self.datalist.classes))] for place in places}

    def patients(self) -> int:
        """Number of known patients."""
        entries = () if self.datalist is None else self.datalist.entries
        return len({entry.patient for entry in entries} - {None})

    def confusion(self, column: str) -> dict[tuple[str, str], int]:
        """Poor test images by true class and the class in `column` (``class`` or ``class_restored``)."""
        return Counter((row["label"], row[column]) for row in self.predictions if row.get("label") and row.get(column))


def read_run(folder: str | Path) -> RunContents:
    """Read a run's folder.

    Raises:
        InputError: when there is no such folder, it holds no run, or a file of it cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; expected the output_dir of a run.")
    if not any((folder / name).is_file() for name in _MARKS):
        raise InputError(f"{folder}: holds none of {', '.join(_MARKS)}; expected the output_dir of a run.")
    configuration = _read_json(folder / "configuration.json")
    datalist = read_datalist(folder / "datalist.json", ()) if (folder / "datalist.json").is_file() else None
    return RunContents(
        folder,
        configuration.get("settings", {}),
        configuration.get("versions", {}),
        datalist,
        [] if datalist is None else find_confounding(datalist),
        _parsed(folder / "metrics.csv", _numbers),
        _parsed(folder / "evaluation.csv", _score),
        _read_table(folder / "images.csv"),
        _checked_cases(folder / "cases" / "cases.json"),
    )


def _parsed(path: Path, parse: Callable[[dict[str, str]], _Row]) -> list[_Row]:
    try:
        return [parse(row) for row in _read_table(path)]
    except (KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: has a row that is not of a run ({error}); make it again.") from error


def _checked_cases(path: Path) -> dict[str, Any]:
    content = _read_json(path)
    cases = content.get("cases", [])
    try:
        fine = not cases or (isinstance(content["gain"], str) and isinstance(content["classes"], list))
        for case in cases:
            fine = fine and isinstance(case["file"], str) and isinstance(case["reasons"], list)
            fine = fine and isinstance(case["probabilities"], list) and "poor" in case["images"]
            fine = fine and all((path.parent / name).is_file() for name in case["images"].values())
    except (KeyError, TypeError, AttributeError):
        fine = False
    if not fine:
        raise InputError(f"{path}: is not of an evaluation, or its images are gone; evaluate the run again.")
    return content


def _score(row: dict[str, str]) -> ScoreRow:
    low, high = (float(row.get(limit) or "nan") for limit in ("low", "high"))
    return ScoreRow(row["domain"], row["metric"], Score(float(row["value"]), low, high, row.get("reason") or ""))


def _numbers(row: dict[str, str]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if value not in ("", "nan", None)}


def _read_table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return list(csv.DictReader(file))
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table: {error}.") from error


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a JSON file: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold a JSON object, not a {type(content).__name__}.")
    return content

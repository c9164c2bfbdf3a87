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
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_r2c.data import Datalist, find_confounding, read_datalist
from monai_r2c.data.datalist import read_table
from monai_r2c.handlers.tables import ScoreRow
from monai_r2c.metrics import Score
from monai_r2c.utils import InputError

from .cases import check_cases

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
    for key in ("settings", "versions"):
        if not isinstance(configuration.get(key, {}), dict):
            raise InputError(f"{folder / 'configuration.json'}: {key} must be an object of names and values.")
    cases = _read_json(folder / "cases" / "cases.json")
    check_cases(cases, folder / "cases" / "cases.json")
    datalist = read_datalist(folder / "datalist.json", ()) if (folder / "datalist.json").is_file() else None
    return RunContents(
        folder,
        configuration.get("settings", {}),
        configuration.get("versions", {}),
        datalist,
        [] if datalist is None else find_confounding(datalist),
        [_numbers(where, row) for where, row in _rows(folder / "metrics.csv", "epoch")],
        [_score(where, row) for where, row in _rows(folder / "evaluation.csv", "domain", "metric", "value")],
        [row for _, row in _rows(folder / "images.csv", "file", errors="surrogateescape")],
        cases,
    )


def _score(where: str, row: dict[str, str]) -> ScoreRow:
    value, low, high = (_number(where, name, row.get(name) or "nan") for name in ("value", "low", "high"))
    images, patients = (int(_number(where, name, row.get(name) or "0")) for name in ("images", "patients"))
    return ScoreRow(row["domain"], row["metric"], Score(value, low, high, row.get("reason") or "", images, patients))


def _numbers(where: str, row: dict[str, str]) -> dict[str, float]:
    if row["epoch"] in ("", "nan"):
        raise InputError(f"{where}: the column epoch is empty.")
    return {name: _number(where, name, value) for name, value in row.items() if value not in ("", "nan")}


def _number(where: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{where}: {name} is {text!r}; it must be a number.") from error


def _rows(path: Path, *columns: str, errors: str = "strict") -> list[tuple[str, dict[str, str]]]:
    """Rows of a table with where they stand; none where there is no table, or an empty one."""
    return read_table(path, columns, errors) if path.is_file() and path.stat().st_size else []


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold a JSON object, {{...}}.")
    return content

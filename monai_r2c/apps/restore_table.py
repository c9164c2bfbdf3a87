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
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_r2c.data import replaced_at_once
from monai_r2c.utils import InputError

PREDICTIONS = "predictions.csv"
SETTINGS = "restore.json"


class PredictionsTable:
    """The file ``predictions.csv`` of a folder of restorations, one row a file, which grows while they are made.

    A row is appended before its image appears and the last row of a file counts, so a folder whose process was killed
    has a row for every image, and at most rows whose images do not exist yet. `finish` leaves one row a file. Beside
    it, ``restore.json`` holds what made the folder, so that a later run does not mix in images made otherwise.

    Args:
        folder: of the restorations; it is made.
        classes: names of the classes, one column of probabilities each.
        settings: what decides how an image is restored, as plain values.
        overwrite: take over a folder that was made with other settings, forgetting its rows.
        leads: False in all but the first of several processes, which append to the one file that the first has made.

    Raises:
        InputError: when the folder was made with other settings, or its ``predictions.csv`` is not of this kind.
    """

    def __init__(
        self,
        folder: Path,
        classes: Sequence[str],
        settings: Mapping[str, Any],
        overwrite: bool = False,
        leads: bool = True,
    ) -> None:
        self.path = folder / PREDICTIONS
        self.columns = ("file", "class", *(f"probability_{name}" for name in classes), "seconds", "error")
        same_settings = _check_settings(folder, settings, overwrite)
        self.rows: dict[str, dict[str, str]] = {}
        if same_settings and self.path.exists():
            self._read()
        if not leads:
            return
        folder.mkdir(parents=True, exist_ok=True)
        with replaced_at_once(folder / SETTINGS) as partial:
            partial.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        self.finish()  # a killed process may have left half a row

    def is_done(self, file: str) -> bool:
        """Whether the table says that the file was restored."""
        return file in self.rows and not self.rows[file]["error"]

    def append(self, file: str, row: Mapping[str, Any]) -> None:
        """Add the row of a file, or replace it; it is in the file when this returns."""
        self.rows[file] = {column: str(row.get(column, "")) for column in self.columns} | {"file": file}
        with self.path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as table:
            table.write(self._text([self.rows[file]]))

    def finish(self, order: Sequence[str] = ()) -> None:
        """Write one row a file, also those that other processes appended: `order` first, the others as they came."""
        if order:
            self._read()
        position = {file: index for index, file in enumerate(order)}
        rows = sorted(self.rows.values(), key=lambda row: position.get(row["file"], len(position)))
        with replaced_at_once(self.path) as partial:
            text = self._text([{column: column for column in self.columns}, *rows])
            partial.write_bytes(text.encode("utf-8", "surrogateescape"))  # names of files need not be UTF-8

    def _text(self, rows: Sequence[Mapping[str, str]]) -> str:
        text = io.StringIO()
        csv.DictWriter(text, self.columns, lineterminator="\n").writerows(rows)
        return text.getvalue()

    def _read(self) -> None:
        text = self.path.read_bytes().decode("utf-8", "surrogateescape")
        complete = text[: text.rfind("\n") + 1]
        reader = csv.DictReader(io.StringIO(complete))
        if tuple(reader.fieldnames or ()) != self.columns:
            raise InputError(f"{self.path}: has not the columns {','.join(self.columns)}; give another --output.")
        self.rows = {row["file"]: row for row in reader if None not in row.values()}


def _check_settings(folder: Path, settings: Mapping[str, Any], overwrite: bool) -> bool:
    """Whether the folder was made with these settings or is new."""
    path = folder / SETTINGS
    if not path.exists():
        if (folder / PREDICTIONS).exists() and not overwrite:
            raise InputError(f"{folder / PREDICTIONS}: is not of `restore`; give another --output or --overwrite.")
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give another --output.") from error
    changed = [key for key in settings if not isinstance(found, dict) or found.get(key) != settings[key]]
    if changed and not overwrite:
        raise InputError(
            f"{folder}: holds restorations made with another {' and '.join(changed)}; give another --output or "
            "--overwrite."
        )
    return not changed

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

from collections.abc import Iterable, Mapping, Sequence

from monai_r2c.utils.files import FORMULA_STARTS, csv_text

_LEADING = ("file", "class")
_TRAILING = ("seconds", "sha256", "model", "error")


def table_text(rows: Iterable[Mapping[str, str]], classes: Sequence[str]) -> bytes:
    """Lay rows out as CSV.

    The columns are ``file``, ``class``, a ``probability_<class>`` each, what else rows have, ``seconds``, ``sha256``
    (of the image), ``model`` (SHA-256) and ``error``.

    Bytes of names that are not UTF-8 are kept. A file whose name a spreadsheet would take for a formula has ``./``
    before it, which is the same file; other such cells have an apostrophe.
    """
    rows = [{column: value for column, value in row.items() if column != "made"} for row in rows]
    columns = [*_LEADING, *(f"probability_{name}" for name in classes)]
    extra = dict.fromkeys(column for row in rows for column in row)
    columns += [column for column in extra if column not in (*columns, *_TRAILING)] + list(_TRAILING)
    cells = ([safe_cell(column, row.get(column, "")) for column in columns] for row in rows)
    return csv_text([columns, *cells]).encode("utf-8", "surrogateescape")


def safe_cell(column: str, value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    if not value.startswith(FORMULA_STARTS):
        return value
    return f"./{value}" if column in ("file", "error") else f"'{value}"

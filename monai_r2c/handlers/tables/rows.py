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
from collections.abc import Mapping, Sequence
from typing import Any

from monai_r2c.data.restorations.table import safe_cell
from monai_r2c.utils.files import csv_text


def format_rows(rows: Sequence[Mapping[str, Any]], undefined: str = "", digits: int | None = None) -> str:
    """Lay rows out as CSV with a column for each name that any of them has, in the order of first use.

    A ``file`` whose name a spreadsheet would take for a formula has ``./`` before it, which is the same file.

    Args:
        rows: values by column; missing ones are empty cells.
        undefined: what stands for NaN.
        digits: significant ones of a float; None: all.
    """

    def cell(name: str, value: Any) -> Any:
        if name == "file":
            return safe_cell(name, value)
        if not isinstance(value, float):
            return value
        return undefined if math.isnan(value) else value if digits is None else f"{value:.{digits}g}"

    columns = list(dict.fromkeys(name for row in rows for name in row))
    return csv_text([columns, *([cell(name, row.get(name, "")) for name in columns] for row in rows)])

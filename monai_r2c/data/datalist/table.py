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
from collections.abc import Sequence
from pathlib import Path

from monai_r2c.utils import InputError


def read_table(path: str | Path, columns: Sequence[str], errors: str = "strict") -> list[tuple[str, dict[str, str]]]:
    """Read a CSV file with a header.

    Args:
        path: UTF-8 file, with or without byte order mark.
        columns: columns that must be there; others may be.
        errors: as of `open`; "surrogateescape" for tables of this package, which keep the bytes of names.

    Returns:
        For each row, where it stands (file and line, for messages) and its values by column; missing ones are empty.

    Raises:
        InputError: when the file cannot be read, lacks a column, or a row is longer than the header.
    """
    rows = []
    try:
        with Path(path).open(newline="", encoding="utf-8-sig", errors=errors) as stream:
            reader = csv.DictReader(stream, restval="")
            present = list(reader.fieldnames or ())
            for column in columns:
                if column not in present:
                    raise InputError(f"{path}: there is no column {column}; the columns are {', '.join(present)}")
            for row in reader:
                where = f"{path} line {reader.line_num}"
                if None in row:
                    raise InputError(f"{where}: the row has more than the header's {len(present)} values")
                rows.append((where, row))
    except OSError as error:
        raise InputError(f"{path}: cannot read the table: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from error
    return rows

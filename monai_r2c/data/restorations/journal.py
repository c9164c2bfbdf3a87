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
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monai_r2c.utils.files import named_in_errors


class Journal:
    """A file to which one process appends records, one JSON object a line, each on the disk when `append` returns.

    A record is there whole or not at all: what a killed process or a full disk left of one is no line and is not read.

    Args:
        path: of the file; it is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record.

        Raises:
            OSError: when it cannot be written; the file is then as before.
        """
        size = os.fstat(self._file).st_size
        try:
            with named_in_errors(self.path):
                _write_all(self._file, _line(record))
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def close(self) -> None:
        """Close the file; nothing can be appended then."""
        os.close(self._file)


class JournalReader:
    """Reads the records of a journal that grows, each once.

    Args:
        path: of the journal, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0

    def read(self) -> Iterator[dict[str, Any]]:
        """Give the records that came since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # half a record: its process is writing it, or was killed
                self._position += len(line)
                yield json.loads(line)


def write_journal(path: Path, records: Iterator[Mapping[str, Any]]) -> None:
    """Write a whole journal to a new file, which is on the disk when this returns."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        with named_in_errors(path):
            _write_all(file, b"".join(map(_line, records)))
            os.fsync(file)
    finally:
        os.close(file)


def _line(record: Mapping[str, Any]) -> bytes:
    # ASCII: names of files need not be UTF-8, and are escaped so
    return json.dumps(record, ensure_ascii=True).encode("ascii") + b"\n"


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]

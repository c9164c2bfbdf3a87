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
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet begins a formula."""
_BLOCK = 2**20


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, which is read block by block.

    Raises:
        OSError: when the file cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Lay rows out as CSV, each ended by a line feed; cells with a line break of any kind are in quotes."""
    lines: list[str] = []
    # the writer quotes what stands in its own line end, so a lone carriage return only with this one
    csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n").writerows(rows)
    return "".join(f"{line.removesuffix(chr(13) + chr(10))}\n" for line in lines)


def check_writable(path: str | Path) -> None:
    """Make the folder of a file that will be written, and see that it takes one, before any work is done.

    Raises:
        OSError: when it cannot be made or written to.
    """
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def named_in_errors(path: str | Path) -> Iterator[None]:
    """Let an error of the system that names no file, such as that of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def replaced_at_once(output: str | Path) -> Iterator[Path]:
    """Give a path beside `output` to write to, and rename it to `output` when the block ends without an error.

    The name is the same each time, so what a killed process left is overwritten by the next one that writes `output`.
    Missing parent folders are made.

    Raises:
        OSError: when it cannot be written, with the name of `output`; nothing is left behind then.
    """
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".partial-{output.name}")
    try:
        with named_in_errors(output):
            yield partial
            with partial.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(partial, output)
    finally:
        partial.unlink(missing_ok=True)


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 so that `path` holds either what it held before or all of the new text.

    Bytes of names that are not UTF-8 are kept. Missing parent folders are made.

    Raises:
        OSError: when the folder cannot be written; nothing is left behind then.
    """
    with replaced_at_once(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")

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

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_r2c.utils import InputError
from monai_r2c.utils.files import sha256_of

Record = dict[str, Any]
Row = dict[str, str]


class ForeignFileError(InputError):
    """A file stands in the way that was not written here, or was changed since."""


@dataclass
class Version:
    """A content that was meant for a file.

    Args:
        stamp: size, time of change in ns and inode of the file that held it, by which it is known again unread.
        row: what is said of it; None until it stood in its place.
    """

    stamp: tuple[int, ...]
    row: Row | None = None


@dataclass
class Ledger:
    """What the journals of a folder say: which contents were meant for each file, and what is said of each of them.

    What is true of a file is found by what stands in its place: a content that is not recorded is somebody else's.

    Args:
        folder: that the files are in.
        versions: for each file, by place in the folder, every recorded content by its SHA-256.
        failures: for each file whose last try failed, why, and by what name the table knows the file.
        settings: of the run that the folder belongs to.
    """

    folder: Path
    versions: dict[str, dict[str, Version]] = field(default_factory=dict)
    failures: dict[str, Row] = field(default_factory=dict)
    settings: dict[str, Any] | None = None

    def apply(self, record: Mapping[str, Any]) -> None:
        """Take a record of a journal in."""
        if "settings" in record:
            self.settings = record["settings"]
        elif "error" in record:
            self.failures[record["file"]] = record["error"]
        elif "row" in record:
            self.versions[record["file"]][record["sha256"]].row = record["row"]
            self.failures.pop(record["file"], None)
        else:
            self.versions.setdefault(record["file"], {})[record["sha256"]] = Version(tuple(record["stamp"]))

    def standing(self, file: str, by_content: bool = False) -> str | None:
        """Return the SHA-256 of what stands in a file's place; None where nothing does.

        Args:
            file: its place in the folder.
            by_content: read the file, however familiar it looks.

        Raises:
            ForeignFileError: when what stands there is not recorded.
        """
        path = Path(os.path.realpath(self.folder), file)
        if not os.path.lexists(path):
            return None
        known = self.versions.get(file, {})
        if known and path.is_file() and not path.is_symlink():
            stamp = stamp_of(path)
            if not by_content:
                for digest, version in known.items():
                    if version.stamp == stamp:
                        return digest
            digest = sha256_of(path)
            if digest in known:
                known[digest].stamp = stamp
                return digest
        raise ForeignFileError(
            f"{self.folder / file}: stands there and was not written by this command, or was changed since; move it "
            "away or write to another folder."
        )

    def row(self, file: str) -> Row | None:
        """Return what is true of a file now: of the image that stands there, and why its last try failed."""
        try:
            digest = self.standing(file)
        except ForeignFileError:
            digest = None
        row = self.versions[file][digest].row if digest else None
        if file in self.failures:
            return {"file": file, **(row or {}), **self.failures[file]}
        return row and {"file": file, **row}

    def settle(self) -> None:
        """Forget every content that does not stand in its place."""
        for file in list(self.versions):
            try:
                digest = self.standing(file)
            except ForeignFileError:
                digest = None
            kept = {digest: self.versions[file][digest]} if digest else {}
            self.versions[file] = kept
            if not kept:
                del self.versions[file]

    def records(self) -> Iterator[Record]:
        """Give records that make this ledger."""
        yield {"settings": self.settings}
        for file, versions in self.versions.items():
            for digest, version in versions.items():
                yield {"file": file, "sha256": digest, "stamp": version.stamp}
                if version.row is not None:
                    yield {"file": file, "sha256": digest, "row": version.row}
        for file, error in self.failures.items():
            yield {"file": file, "error": error}


def stamp_of(path: Path) -> tuple[int, ...]:
    """Return size, time of change in ns and inode, which a rename keeps."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino

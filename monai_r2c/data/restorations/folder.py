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

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from monai_r2c.utils import InputError
from monai_r2c.utils.files import named_in_errors, sha256_of
from monai_r2c.utils.processes import gather_from_processes, process_rank

from .journal import Journal, JournalReader, write_journal
from .ledger import ForeignFileError, Ledger, Row, stamp_of
from .table import table_text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREDICTIONS, SETTINGS, RECORDS = "predictions.csv", "restore.json", ".restore"
_NAMED_SUFFIXES = (".nii.gz", ".nii", ".mha")  # formats whose writers go by the name
_TABLE_SHARE = 20  # the table takes at most this part of the time


class RestorationFolder:
    """A folder of restored images with the table of what is said of them, in which image, row and model always agree.

    Before an image, or the table, appears under its name, its SHA-256 is recorded in a journal (`RECORDS`), and only
    what is recorded is ever replaced: whatever else stands in the folder stays. Rows are dropped from the table before
    their images change and come back after, so a process may be killed at any moment: what the table says is true of
    what stands there, and the next run finds the rest by the journal. See docs/source/decisions/restored_folder.md.

    With several processes each has a journal of its own, and the first one writes the table.

    Args:
        folder: of the images; it is made.
        classes: names of the classes, one column of probabilities each.
        settings: what decides how an image is restored, as plain values; ``model`` is the model's SHA-256.
        overwrite: restore again what is done, also where the folder was made with other settings.
        table: path of the table; default ``predictions.csv`` in the folder.

    Raises:
        InputError: on `begin`, when the folder was made with other settings, its table is somebody else's, or another
            process is writing to it.
    """

    def __init__(
        self,
        folder: str | Path,
        classes: Sequence[str],
        settings: Mapping[str, Any],
        overwrite: bool = False,
        table: str | Path | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.table = self.folder / PREDICTIONS if table is None else Path(table)
        self.classes, self.settings, self.overwrite = list(classes), dict(settings), overwrite
        self.records = self.folder / RECORDS
        self._ledger = Ledger(self.folder)
        self._order: dict[str, int] = {}
        self._pending: set[str] = set()
        self._readers: dict[Path, JournalReader] = {}
        self._journal: Journal | None = None
        self._lock: BinaryIO | None = None
        self._next_table = 0.0

    def begin(self, files: Sequence[str]) -> list[str]:
        """Open the folder for a run and say what is left to restore; every process of the run calls this.

        Args:
            files: all that the run is to restore, by place in the folder with forward slashes.

        Returns:
            Those that are not there yet, or are to be made again; in their order.
        """
        self._order = {file: number for number, file in enumerate(files)}
        for file in files:
            if file in self._own_texts() or file.split("/")[0] == RECORDS:
                raise InputError(f"{file}: has the name of a file that the restoration keeps for itself; rename it.")
        if process_rank() == 0:
            self._put_in_order()
            gather_from_processes(None)
        else:
            gather_from_processes(None)  # until the first process has put the folder in order
            self._read(self._journal_path(0))
            self._journal = Journal(self._journal_path(process_rank()))
        self._pending = {file for file in files if self._is_to_do(file)}
        if process_rank() == 0:
            self._write_table()
        gather_from_processes(None)  # no image changes before its row is gone
        return [file for file in files if file in self._pending]

    def check(self, file: str) -> None:
        """Refuse early what cannot be placed.

        Raises:
            ForeignFileError: when something stands there that was not written here.
        """
        self._ledger.standing(file)

    def place(self, file: str, write: Callable[[Path], None], row: Mapping[str, Any]) -> None:
        """Let an image appear in its place, and then its row.

        Args:
            file: its place.
            write: writes the image to the path that it is given.
            row: what is said of it, without ``sha256``, ``model`` and ``error``; with ``file`` where the table has
                another name for it than its place.

        Raises:
            ForeignFileError: when something stands there that was not written here.
            OSError: when the disk does not take it.
        """
        assert self._journal is not None, "begin comes first"
        target = self.folder / file
        suffix = next((suffix for suffix in _NAMED_SUFFIXES if file.lower().endswith(suffix)), "")
        partial = self.records / f"partial-{process_rank()}{suffix}"
        try:
            with named_in_errors(target):
                write(partial)
                with partial.open("rb+") as written:
                    os.fsync(written.fileno())
            digest, stamp = sha256_of(partial), stamp_of(partial)
            self._ledger.standing(file, by_content=True)
            self._note({"file": file, "sha256": digest, "stamp": stamp})
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
        said = {key: str(value) for key, value in row.items()} | {"sha256": digest, "model": self.settings["model"]}
        self._note({"file": file, "sha256": digest, "row": said | {"made": _made(self.settings)}})
        self._settled(file)

    def refuse(self, file: str, reason: str, name: str | None = None) -> None:
        """Say in a file's row why it was not restored; an earlier image of it stays, and its row with it.

        Args:
            file: its place.
            reason: one line.
            name: what the table calls it; default its place.
        """
        self._note({"file": file, "error": {"file": name or file, "error": reason}})
        self._settled(file)

    def close(self) -> None:
        """Write the table of the whole folder; every process of the run calls this."""
        if process_rank() > 0:
            self.release()
        gather_from_processes(None)
        self.abandon()

    def abandon(self) -> None:
        """Leave the folder as `close` does, without waiting for the other processes."""
        try:
            if process_rank() == 0 and self._journal is not None:
                self._pending.clear()
                self._read_others()
                self._write_table()
                self._compact()
        finally:
            self.release()

    def release(self) -> None:
        """Let other runs use the folder."""
        for file in (self._journal, self._lock):
            if file is not None:
                file.close()
        self._journal = self._lock = None

    def _put_in_order(self) -> None:
        """What the first process does before a run."""
        is_new = not self.records.exists()
        self.records.mkdir(parents=True, exist_ok=True)
        try:
            self._take_lock()
            for path in self._journals():
                self._read(path)
            self._check_settings()
            for text in self._own_texts():
                self._check_text(text)
        except InputError:
            self.release()
            if is_new:
                (self.records / "lock").unlink()
                self.records.rmdir()
            raise
        for partial in self.records.glob("partial-*"):
            partial.unlink()
        self._ledger.settle()
        self._ledger.settings = self.settings
        self._compact()
        self._journal = Journal(self._journal_path(0))
        self._write_text(SETTINGS, (json.dumps(self.settings, indent=2) + "\n").encode())

    def _is_to_do(self, file: str) -> bool:
        try:
            digest = self._ledger.standing(file)
        except ForeignFileError:
            return True
        row = self._ledger.versions[file][digest].row if digest else None
        return self.overwrite or file in self._ledger.failures or row is None or row["made"] != _made(self.settings)

    def _check_settings(self) -> None:
        found = self._ledger.settings
        if self.overwrite or found in (None, self.settings) or not self._ledger.versions:
            return
        changed = [key for key in self.settings if found.get(key) != self.settings[key]]
        raise InputError(
            f"{self.folder}: holds restorations made with another {' and '.join(changed)}; choose another output "
            "folder, or overwrite."
        )

    def _take_lock(self) -> None:
        self._lock = (self.records / "lock").open("wb")
        if fcntl is None:
            return
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not inherited by a loader's workers
        except OSError as error:
            self.release()
            raise InputError(
                f"{self.folder}: another run is restoring into it; wait, or choose another output folder."
            ) from error

    def _journals(self) -> list[Path]:
        return sorted(self.records.glob("journal-*"))

    def _read(self, journal: Path) -> None:
        for record in self._readers.setdefault(journal, JournalReader(journal)).read():
            self._ledger.apply(record)

    def _read_others(self) -> None:
        for path in self._journals():
            if path != self._journal_path(0):
                self._read(path)

    def _compact(self) -> None:
        """Put what is known into one journal; the others are superfluous then, and no harm if this is not reached."""
        partial, first = self.records / "partial-journal", self._journal_path(0)
        write_journal(partial, self._ledger.records())
        os.replace(partial, first)
        for path in self._journals():
            if path != first:
                path.unlink()
        self._readers.clear()

    def _journal_path(self, rank: int) -> Path:
        return self.records / f"journal-{rank}"

    def _note(self, record: Mapping[str, Any]) -> None:
        assert self._journal is not None
        self._journal.append(record)
        self._ledger.apply(record)

    def _settled(self, file: str) -> None:
        self._pending.discard(file)
        if process_rank() == 0 and time.monotonic() >= self._next_table:
            self._read_others()
            self._write_table()

    def _write_table(self) -> None:
        start = time.monotonic()
        rows: list[tuple[int, str, Row]] = []
        last = len(self._order)
        for file in {**self._ledger.versions, **self._ledger.failures}:
            row = None if file in self._pending or file in self._own_texts() else self._ledger.row(file)
            if row is not None:
                rows.append((self._order.get(file, last), file, row))
        rows.sort(key=lambda item: item[:2])
        self._write_text(self._own_texts()[0], table_text([row for *_, row in rows], self.classes))
        self._next_table = time.monotonic() + _TABLE_SHARE * (time.monotonic() - start)

    def _own_texts(self) -> tuple[str, str]:
        """Table and settings as the ledger names them: their places as seen from the folder."""
        table = Path(os.path.realpath(self.table.parent), self.table.name)
        return Path(os.path.relpath(table, os.path.realpath(self.folder))).as_posix(), SETTINGS

    def _check_text(self, text: str) -> None:
        try:
            self._ledger.standing(text)
        except ForeignFileError as error:
            raise InputError(
                f"{os.path.normpath(self.folder / text)}: was not written by this command, or was changed since; move "
                "it away or choose another output folder."
            ) from error

    def _write_text(self, text: str, content: bytes) -> None:
        self._check_text(text)
        digest = hashlib.sha256(content).hexdigest()
        if self._ledger.standing(text) == digest:
            return
        partial = self.records / "partial-text"
        try:
            with named_in_errors(self.folder / text), partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._note({"file": text, "sha256": digest, "stamp": stamp_of(partial)})
            os.replace(partial, Path(os.path.realpath(self.folder), text))
        finally:
            partial.unlink(missing_ok=True)


def _made(settings: Mapping[str, Any]) -> str:
    """A short name of settings, by which an image that was made otherwise is told."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]

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
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from typing import Any

from monai_r2c.utils import InputError

_TABLES = """
create table if not exists study (name text primary key);
create table if not exists answers (
    reader text not null, trial text not null, record text not null, revision integer not null default 1,
    primary key (reader, trial)
);
"""


class AnswerStore:
    """Answers of several readers in one SQLite file, which survives a killed process and a power cut.

    An answer is on the disk when `put` returns (write-ahead log, ``synchronous=FULL``). Each reader has at most one
    record a screen, so a write that is sent again changes nothing.

    Args:
        path: the file; made when absent.
        study: name of the study.

    Raises:
        InputError: when the file holds another study's answers or is no such file.
    """

    def __init__(self, path: Path, study: str) -> None:
        self.path, self.study = path, study
        path.parent.mkdir(parents=True, exist_ok=True)
        # one connection: each closed last one would cost several waits for the disk
        self._lock = Lock()
        self._database = sqlite3.connect(path, timeout=10, check_same_thread=False)
        try:
            with self._database as database:
                database.execute("pragma journal_mode=wal")
                database.execute("pragma synchronous=full")
                database.executescript(_TABLES)
                found = database.execute("select name from study").fetchone()
                if found is None:
                    database.execute("insert into study values (?)", (study,))
                elif found[0] != study:
                    raise InputError(f"{path}: holds answers to study {found[0]}, not {study}; move it away")
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path}: cannot be used to keep answers: {error}") from error

    def put(self, reader: str, trial: str, record: Mapping[str, Any]) -> None:
        """Keep a record, instead of an earlier one of the same screen.

        Raises:
            sqlite3.Error: when it could not be written, such as on a full disk; the earlier record stands then.
        """
        with self._lock, self._database as database:
            database.execute(
                "insert into answers (reader, trial, record) values (?, ?, ?) on conflict do update "
                "set record = excluded.record, revision = revision + 1",
                (reader, trial, json.dumps(record, sort_keys=True)),
            )

    def get(self, reader: str) -> dict[str, Any]:
        """A reader's records by screen."""
        query = "select trial, record from answers where reader = ? order by trial"
        with self._lock:
            rows = self._database.execute(query, (reader,)).fetchall()
        return {trial: json.loads(record) for trial, record in rows}

    def close(self) -> None:
        """Leave one file behind, without its log."""
        with self._lock:
            self._database.close()


def read_answers(path: Path) -> list[dict[str, Any]]:
    """Read a database of answers as the files that its readers would save.

    Raises:
        InputError: when it is no such database.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; expected the answers of a study")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            (study,) = database.execute("select name from study").fetchone() or ("",)
            rows = database.execute("select reader, trial, record from answers order by reader, trial").fetchall()
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path}: is no database of answers: {error}") from error
    found: dict[str, dict[str, Any]] = {}
    for reader, trial, record in rows:
        found.setdefault(reader, answer_file(study, reader, {}))["answers"][trial] = json.loads(record)
    return list(found.values())


def answer_file(study: str, reader: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a reader's file of answers."""
    exported = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"format": 1, "study": study, "reader": reader, "exported": exported, "answers": dict(answers)}

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

import atexit
import csv
import errno
import hashlib
import os
import resource
import shutil
import signal
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from long_run import in_process
from PIL import Image

from monai_r2c.apps.restore import restore
from monai_r2c.networks import R2CGenerator, save_model

CLASSES = ("non-covid", "covid")
PLACES = ("a.png", "b.png", "sub/c.png", "=d.png")
TABLE = "predictions.csv"
EXAMPLES = int(os.environ.get("RESTORE_SEQUENCES", "6"))
OPERATIONS = ("replace", "write", "fsync", "unlink", "mkdir")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are made in forked processes")


class RestorePromises(RuleBasedStateMachine):
    """Runs, kills, full disks, second models and somebody else's files in any order, and what must hold after each."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.images, self.output = self.folder / "images", self.folder / "out"
        self.models, self.whole, self.expected = _given()
        for place, content in self.whole.items():
            (self.images / place).parent.mkdir(parents=True, exist_ok=True)
            (self.images / place).write_bytes(content)
        self.foreign: dict[str, bytes] = {}

    @rule(
        model=st.sampled_from(["first", "second"]),
        overwrite=st.booleans(),
        fault=st.sampled_from(["none", "none", "kill", "kill", "full", "limit"]),
        when=st.integers(0, 60),
        half=st.booleans(),
    )
    def run(self, model: str, overwrite: bool, fault: str, when: int, half: bool) -> None:
        def child() -> None:
            _break(fault, when, half)
            _end_with_run(self.images, self.models[model], self.output, *["--overwrite"] * overwrite)

        status = in_process(child)
        assert status in (0, 1, 2, -signal.SIGKILL) if fault != "none" else status in (0, 1, 2)
        if fault != "none" or status == 2:
            return
        rows = _rows(self.output)
        for place in PLACES:
            if self._is_whole(place) and place not in self.foreign:
                assert _told(rows[place]) == self.expected[model][place], "a run without faults finishes the rest"
            elif place in self.foreign or overwrite:
                assert rows[place]["error"], "what is not restored is in the table with its reason"
            else:  # done before its source broke, or refused
                assert rows[place]["error"] or _told(rows[place]) == self.expected[model][place]
        fine = not any(row["error"] for row in rows.values())
        assert (status == 0) == fine, "the exit status says whether all went well"

    @rule(place=st.sampled_from([*PLACES, "other.txt", TABLE, "restore.json"]), content=st.binary(max_size=9))
    def somebody_writes(self, place: str, content: bytes) -> None:
        (self.output / place).parent.mkdir(parents=True, exist_ok=True)
        (self.output / place).write_bytes(content)
        self.foreign[place] = content

    @rule(place=st.sampled_from([*PLACES, TABLE, "restore.json"]))
    def somebody_deletes(self, place: str) -> None:
        (self.output / place).unlink(missing_ok=True)
        self.foreign.pop(place, None)

    @rule(place=st.sampled_from(PLACES), how_much=st.sampled_from([0, 40, None]))
    def source_changes(self, place: str, how_much: int | None) -> None:
        (self.images / place).write_bytes(self.whole[place][:how_much])

    @invariant()
    def nothing_of_others_is_touched(self) -> None:
        for place, content in getattr(self, "foreign", {}).items():
            assert (self.output / place).read_bytes() == content

    @invariant()
    def rows_agree_with_images_and_models(self) -> None:
        if not hasattr(self, "output") or TABLE in self.foreign or not (self.output / TABLE).exists():
            return
        for place, row in _rows(self.output).items():
            if not row["class"]:
                assert row["error"]
            elif self._stands_as_written(place):
                assert _told(row, error="") in [self.expected[model][place] for model in self.models]
                assert row["sha256"] == _sha256(self.output / place)

    @invariant()
    def every_image_is_whole(self) -> None:
        if not hasattr(self, "output") or not self.output.exists():
            return
        ours = {rows[place]["sha256"] for rows in self.expected.values() for place in PLACES}
        for path in self.output.rglob("*.png"):
            place = path.relative_to(self.output).as_posix()
            if place not in self.foreign and ".restore" not in place:
                assert _sha256(path) in ours

    def teardown(self) -> None:
        """Whatever happened, the command comes to its end once nobody is in its way."""
        try:
            for place in list(self.foreign):
                self.somebody_deletes(place)
            for place in PLACES:
                self.source_changes(place, None)
            end = partial(_end_with_run, self.images, self.models["second"], self.output, "--overwrite")
            assert in_process(end) == 0
            assert {place: _told(row) for place, row in _rows(self.output).items()} == self.expected["second"]
            left = {path.name for path in (self.output / ".restore").iterdir()}
            assert left == {"journal-0", "lock"}
        finally:
            shutil.rmtree(self.folder)

    def _is_whole(self, place: str) -> bool:
        return (self.images / place).read_bytes() == self.whole[place]

    def _stands_as_written(self, place: str) -> bool:
        """A row cannot know what others did to its image since the last run."""
        return place not in self.foreign and (self.output / place).exists()


@cache
def _given() -> tuple[dict[str, Path], dict[str, bytes], dict[str, dict[str, dict[str, str]]]]:
    """Two models, the images' contents, and the rows that a run with each model gives, by place."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    images, rng = folder / "images", np.random.default_rng(0)
    for place in PLACES:
        (images / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 17)).astype(np.uint8)).save(images / place)
    models, expected = {}, {}
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        models[name], clean = folder / f"{name}.pt", folder / name
        save_model(models[name], R2CGenerator(2, order=1, features=2), CLASSES, 16)
        assert in_process(partial(_end_with_run, images, models[name], clean)) == 0
        expected[name] = {place: row for place, row in _rows(clean).items() if row.pop("seconds")}
    return models, {place: (images / place).read_bytes() for place in PLACES}, expected


def _run(images: Path, model: Path, output: Path, *options: str) -> int:
    """Exit status of the command: 2 where it refuses to begin or gives up."""
    arguments = [images, "--model", model, "--output", output, "--workers", "0", *options]
    result = CliRunner().invoke(restore, [str(argument) for argument in arguments])
    known = (SystemExit, type(None))
    if isinstance(result.exception, known):
        return result.exit_code
    one_line = isinstance(result.exception, (ValueError, RuntimeError, OSError)) and "\n" not in str(result.exception)
    return 2 if one_line else 99


def _end_with_run(images: Path, model: Path, output: Path, *options: str) -> None:
    os._exit(_run(images, model, output, *options))


def _break(fault: str, when: int, half: bool) -> None:
    """Let this process die, or its disk be full, from an operation on files on."""
    if fault == "limit":  # writes fail in the middle of a file
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (when * 60, when * 60))
    if fault not in ("kill", "full"):
        return
    left = [when]

    def counted(name: str) -> Any:
        original = getattr(os, name)

        def operation(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] >= 0:
                return original(*arguments, **options)
            if name == "write" and half:
                original(arguments[0], arguments[1][: len(arguments[1]) // 2])
            elif fault == "kill" and half:
                original(*arguments, **options)
            if fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if name == "unlink":
                return original(*arguments, **options)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

        return operation

    for name in OPERATIONS:
        setattr(os, name, counted(name))


def _rows(output: Path) -> dict[str, dict[str, str]]:
    with (output / TABLE).open(newline="") as table:
        rows = list(csv.DictReader(table))
    return {row["file"].removeprefix("./"): row for row in rows}


def _told(row: dict[str, str], **changes: str) -> dict[str, str]:
    return {key: value for key, value in row.items() if key != "seconds"} | changes


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


TestRestorePromises = RestorePromises.TestCase
TestRestorePromises.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=8,
    deadline=None,
    derandomize="RESTORE_SEQUENCES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)

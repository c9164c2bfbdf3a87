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
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from long_run import in_process
from PIL import Image

import monai_r2c
from monai_r2c.apps import cli
from monai_r2c.networks import R2CGenerator, save_model


def main(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["monai_r2c", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


@pytest.mark.parametrize("command", ["quality", "phantom", "datalist", "report"])
def test_what_cannot_be_written_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, command: str
) -> None:
    (tmp_path / "file").touch()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32)).astype(np.uint8)
    for index, place in enumerate(f"{d}/{c}/{n}.png" for d in ("trainA", "trainB") for c in "ab" for n in range(2)):
        (tmp_path / "set" / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[index]).save(tmp_path / "set" / place)
    (tmp_path / "run/report.html").mkdir(parents=True)
    (tmp_path / "run/metrics.csv").write_text("epoch,loss\n1,2\n")
    arguments = {
        "quality": (tmp_path / "set", "--output", tmp_path / "file/q.csv"),
        "phantom": (tmp_path / "file/out", "--size", 32, "--train", 2, "--validation", 2, "--test", 2),
        "datalist": ("--dataset-dir", tmp_path / "set", "--classes", "a,b", "--output", tmp_path / "file/d.json"),
        "report": (tmp_path / "run",),
    }
    assert main(monkeypatch, command, *arguments[command]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("Error: ")
    assert not any("Traceback" in line for line in lines)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the limit is set in a forked process")
@pytest.mark.parametrize("command", ["quality", "phantom", "datalist", "report", "restore"])
def test_a_full_disk_is_told_with_the_file_that_it_refused(tmp_path: Path, command: str) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        Image.linear_gradient("L").rotate(90 * (folder == "a")).save(tmp_path / folder / "x.png")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/metrics.csv").write_text("epoch,loss\n1,2\n")
    save_model(tmp_path / "model.pt", R2CGenerator(2, order=1, features=2), ("a", "b"), 16)
    sources = ("--poor-folder", f"a={tmp_path}/a", "--good-folder", f"b={tmp_path}/b", "--classes", "a,b")
    arguments, place = {
        "quality": ((tmp_path / "a", "--output", tmp_path / "q.csv"), "q.csv"),
        "phantom": ((tmp_path / "new", "--size", 32, "--train", 2, "--validation", 2, "--test", 2), "new.part/"),
        "datalist": ((*sources, "--output", tmp_path / "d.json"), "d.json"),
        "report": ((tmp_path / "run",), "run/report."),
        "restore": (
            (tmp_path / "a", "--model", tmp_path / "model.pt", "--output", tmp_path / "out", "--workers", 0),
            "out/",
        ),
    }[command]

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))
        with pytest.raises(OSError, match=re.escape(str(tmp_path / place))):
            cli.cli.main([command, *map(str, arguments)], standalone_mode=False)

    assert in_process(full) == 0


def test_an_interruption_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "invoke", interrupt)
    assert main(monkeypatch, "report", "x") == 130
    assert capsys.readouterr().err.strip().startswith("Interrupted")


def test_interruption_while_the_command_loads_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise KeyboardInterrupt\n")
    search = os.pathsep.join([str(tmp_path), str(Path(monai_r2c.__file__).parents[1])])
    command = [sys.executable, "-m", "monai_r2c", "quality", str(tmp_path), "--output", str(tmp_path / "q.csv")]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, capture_output=True, text=True)
    assert result.stderr.strip() == "Interrupted; the same command continues or begins again."
    assert result.returncode == 130


def test_interruption_while_a_bundle_loads_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "monai/bundle").mkdir(parents=True)
    for name in ("monai/__init__.py", "monai/bundle/__init__.py"):
        (tmp_path / name).touch()
    (tmp_path / "monai/bundle/__main__.py").write_text(
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'monai_r2c.data':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "import monai_r2c\n"
    )
    search = os.pathsep.join([str(tmp_path), str(Path(monai_r2c.__file__).parents[1])])
    command = [sys.executable, "-m", "monai.bundle"]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": search}, capture_output=True, text=True)
    assert result.stderr.strip() == "Interrupted."
    assert result.returncode == -signal.SIGINT

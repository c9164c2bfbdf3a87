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

import subprocess
import sys
from pathlib import Path

import click
import pytest

import monai_r2c
from monai_r2c.apps.cli import COMMANDS, cli
from monai_r2c.apps.import_checkpoint import VARIANTS
from monai_r2c.utils import Variant

HEAVY = ["torch", "monai", "ignite", "numpy", "scipy"]


def test_answers_about_usage_import_neither_torch_nor_monai() -> None:
    """Every wrong option and wrong command, help and version, in one process that must not have loaded what is slow."""
    program = f"""
import sys
sys.argv = ["monai-r2c"]
import click
from monai_r2c.apps.cli import COMMANDS, cli

for arguments in (["--help"], ["--version"], ["nothing"], *([name, "--bogus"] for name in COMMANDS)):
    try:
        cli.main(arguments, standalone_mode=False)
    except (click.UsageError, click.exceptions.Exit):
        pass
loaded = set({HEAVY}) & set(sys.modules)
assert not loaded, loaded
import monai_r2c
assert monai_r2c.networks.R2CGenerator
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"monai_r2c, version {monai_r2c.__version__}" in done.stdout


def test_module_run_as_a_command_answers_without_them_too() -> None:
    line = [sys.executable, "-X", "importtime", "-m", "monai_r2c", "--help"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert not {row.rsplit("|", 1)[-1].strip() for row in done.stderr.splitlines()} & set(HEAVY)


def test_help_in_the_list_of_commands_is_the_beginning_of_each_commands_own() -> None:
    context = click.Context(cli)
    for name, short in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert short.split()[:2] == str(command.help).split()[:2], name


def test_nearest_command_is_told() -> None:
    with pytest.raises(click.UsageError, match=r"resore.*restore"):
        cli.main(["resore"], standalone_mode=False)


def test_variants_of_the_command_are_those_of_the_networks() -> None:
    assert [variant.value for variant in Variant] == list(VARIANTS)


def test_late_helps_are_written_when_shown(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["quality", "--help"], standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "poor_cnr=34" in shown
    assert "Admit it in DICOM beside CR, DX, RG" in shown


def test_missing_classes_name_those_of_the_folders(tmp_path: Path) -> None:
    (tmp_path / "quality.csv").write_text("file,quality\n")
    line = f"datalist --folder ill=a --folder well=b --quality {tmp_path}/quality.csv --out x.json"
    with pytest.raises(ValueError, match="--classes well,ill"):
        cli.main(line.split(), standalone_mode=False)

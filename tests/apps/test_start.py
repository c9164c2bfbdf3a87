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
from dataclasses import asdict
from pathlib import Path

import click
import pytest

import monai_r2c
from monai_r2c.apps.cli import COMMANDS, cli
from monai_r2c.apps.import_checkpoint import VARIANTS
from monai_r2c.apps.options import MODALITIES
from monai_r2c.apps.quality import THRESHOLDS
from monai_r2c.data import QualityThresholds
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import Variant

HEAVY = ["torch", "monai", "ignite", "numpy", "scipy"]


# wrong values of options, which a person should not wait for either
WRONG = (
    "quality . --output q.csv --threshold poor_nothing=1",
    "datalist --folder a=. --output d.json",
    "datalist --poor-folder a=nowhere --good-folder b=nowhere --classes a,b --output d.json",
    "datalist --manifest m.csv --classes a,b --output d.json",
    "phantom --size 8 out",
    "report nowhere",
    "restore nowhere --output out",
    "study make --output out",
    "study plan",
)


def test_answers_about_usage_import_neither_torch_nor_monai() -> None:
    """Every help, wrong option and wrong command in one process that must not have loaded what is slow."""
    program = f"""
import sys
sys.argv = ["monai-r2c"]
import click
from monai_r2c.apps.cli import COMMANDS, cli
from monai_r2c.utils import InputError

def words(group, *before):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        yield [*before, name]
        if isinstance(command, click.Group):
            yield from words(command, *before, name)

named = list(words(cli))
assert len(named) > len(COMMANDS)
helps = [["--help"], ["--version"], *([*one, "--help"] for one in named)]
for arguments in (*helps, ["nothing"], *([*one, "--bogus"] for one in named), *map(str.split, {WRONG})):
    try:
        cli.main(arguments, standalone_mode=False)
        assert arguments in helps, arguments
    except (click.UsageError, InputError):
        assert arguments not in helps, arguments
    loaded = set({HEAVY}) & set(sys.modules)
    assert not loaded, (arguments, loaded)
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


def test_what_the_helps_say_is_what_the_package_does() -> None:
    assert [variant.value for variant in Variant] == list(VARIANTS)
    assert asdict(QualityThresholds()) == THRESHOLDS
    assert LoadRadiograph().modalities == MODALITIES


def test_missing_classes_name_those_of_the_folders(tmp_path: Path) -> None:
    (tmp_path / "quality.csv").write_text("file,quality\n")
    line = f"datalist --folder ill=a --folder well=b --quality {tmp_path}/quality.csv --out x.json"
    with pytest.raises(ValueError, match="--classes well,ill"):
        cli.main(line.split(), standalone_mode=False)

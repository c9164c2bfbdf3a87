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
import shlex
from pathlib import Path

import click

from monai_r2c.utils.bundle_folder import bundle_folder, is_installed


def say_next(*commands: str, when: str = "") -> None:
    """End a command with those that go on from it, to be copied as they are.

    Args:
        commands: one a line.
        when: what comes before them, such as "after a look at the images".
    """
    click.echo(f"\nnext{f', {when}' if when else ''}:")
    for command in commands:
        click.echo(f"  {command}")


def restore_command(model: str | Path) -> str:
    """Return the command that restores images with a model file."""
    return f"python -m monai_r2c restore IMAGES --model {shlex.quote(str(model))} --output restored"


def training_commands(source: str, path: Path, *options: str) -> list[str]:
    """Return the commands that train on a data set, here and now: an installed package writes its bundle out first.

    Args:
        source: key of the config that names the data set, such as ``datalist``.
        path: its value.
        options: further ones.
    """
    folder = Path("my_bundle") if is_installed() else Path(os.path.relpath(bundle_folder()))
    config = shlex.quote(str(folder / "configs/train.yaml"))
    train = f"python -m monai.bundle run training --config_file {config} --{source} {shlex.quote(str(path))}"
    first = ["python -m monai_r2c bundle my_bundle"] if is_installed() else []
    return [*first, " ".join([train, *options, "--output_dir runs/mine"])]

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

import shlex
import shutil
from pathlib import Path

import click

from monai_r2c.utils import InputError
from monai_r2c.utils.bundle_folder import BUNDLE, bundle_folder

from .next_steps import say_next

# what a working tree may hold beside the bundle and its trained model
_IGNORED = shutil.ignore_patterns("*.pt", "*.ts", "*.onnx", "__pycache__", "runs")
_MODEL = "model.pt"


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def bundle(directory: Path) -> None:
    """Write the MONAI bundle chest_xray_restore_classify to the new or empty folder DIR.

    Its settings, training, evaluation and inference are then yours to read and change: everything is in DIR/configs.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: is a file; give a new or empty folder for the bundle.")
    if directory.is_dir() and any(directory.iterdir()):
        raise InputError(f"{directory}: holds files already; give a new or empty folder for the bundle.")
    try:
        shutil.copytree(bundle_folder(), directory, ignore=_ignored, copy_function=shutil.copyfile, dirs_exist_ok=True)
    except OSError as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise InputError(f"{directory}: cannot be written ({reason}); give another folder.") from error
    click.echo(f"{directory}: the bundle {BUNDLE}")
    say_next(
        f"cd {shlex.quote(str(directory))}",
        "python -m monai.bundle run training --config_file configs/train.yaml --dataset_dir IMAGES --output_dir RUN",
        when="to train it on your images",
    )


def _ignored(folder: str, names: list[str]) -> set[str]:
    return set(_IGNORED(folder, names)) - ({_MODEL} if Path(folder).name == "models" else set())

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

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

# MODALITIES of monai_r2c.transforms.radiograph.dicom, here too so that help imports nothing heavy
MODALITIES = ("CR", "DX", "RG")


def output_option(description: str, *, folder: bool = False, required: bool = True) -> Callable[[Any], Any]:
    """Return the option ``--output`` of every command that writes; ``--out`` is its older name."""
    kind = click.Path(file_okay=not folder, dir_okay=folder, path_type=Path)
    return click.option("--output", "--out", "output", required=required, type=kind, help=description)


def reader_option() -> Callable[[Any], Any]:
    """Return the option that chooses what decodes DICOM pixels."""
    kinds = click.Choice(["pydicom", "itk"])
    return click.option("--reader", type=kinds, default="pydicom", show_default=True, help="Decodes DICOM pixels.")


def modality_option() -> Callable[[Any], Any]:
    """Return the option that admits modalities beside those of radiographs."""
    text = f"Admit it in DICOM beside {', '.join(MODALITIES)}."
    return click.option("--modality", "modalities", multiple=True, metavar="CODE", help=text)

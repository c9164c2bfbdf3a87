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
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import torch
from tqdm import tqdm

import monai_r2c
from monai_r2c.data import write_radiograph
from monai_r2c.data.image_files import list_images
from monai_r2c.engines.precision import autocast_for
from monai_r2c.inferers import RestorationInferer
from monai_r2c.networks import load_restorer
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.transforms.radiograph.dicom import MODALITIES
from monai_r2c.utils import (
    InputError,
    process_count,
    process_device,
    process_rank,
    start_processes,
    stop_processes,
)
from monai_r2c.utils.processes import gather_from_processes

from .restore_table import PredictionsTable


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The model.pt that training wrote.")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
@click.option(
    "--size",
    type=click.Choice(["trained", "native"]),
    default="trained",
    show_default=True,
    help="Restore at the size of training and resample back, or at the image's own size.",
)
@click.option("--passes", type=click.IntRange(min=1), default=1, show_default=True, help="Times over its own output.")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True)
@click.option("--device", default=None, help="Such as cpu or cuda:0.  [default: cuda where there is one]")
@click.option(
    "--modality", "modalities", multiple=True, metavar="CODE", help=f"Admit it in DICOM beside {', '.join(MODALITIES)}."
)
@click.option("--overwrite", is_flag=True, help="Restore again what is done.")
def restore(
    paths: Sequence[Path],
    model: Path,
    output: Path,
    size: str,
    passes: int,
    precision: str,
    device: str | None,
    modalities: Sequence[str],
    overwrite: bool,
) -> None:
    """Restore and classify radiographs, each written in its own kind, size and bit depth.

    PATHS are images and folders, which are searched with their sub-folders; a folder's images keep their place in it.
    predictions.csv in the output folder has a row for each: class, probabilities, seconds (without writing), error.
    An image that fails does not stop the others; it is listed, and the exit status is 1. The same command again
    continues where an interrupted one ended and tries failed images anew.
    """
    plan = plan_outputs(paths, output)
    if "WORLD_SIZE" in os.environ:  # torchrun started several processes
        device = device or process_device()
        start_processes(device)
    rank, share = process_rank(), list(plan.items())[process_rank() :: process_count()]
    restorer = _Restorer(model, size, passes, precision, device, (*MODALITIES, *modalities))
    if rank > 0:
        gather_from_processes(None)  # until the first process has made the table
    table = PredictionsTable(output, restorer.classes, restorer.settings, overwrite, leads=rank == 0)
    if rank == 0:
        gather_from_processes(None)
    failed, skipped = {}, 0
    for file, source in tqdm(share, unit="image", disable=None if rank == 0 else True):
        target = output / file
        if not overwrite and table.is_done(file) and target.exists():
            skipped += 1
            continue
        try:
            if target.exists() and not overwrite and file not in table.rows:
                raise InputError(f"{target}: exists and is not in predictions.csv; give --overwrite to replace it.")
            image, meta, row = restorer(source)
            table.append(file, row)
            write_radiograph(image, meta, target, restorer.description)
        except Exception as error:  # whatever is wrong with one image, the others go on
            failed[file] = _one_line(source, error)
            table.append(file, {"error": failed[file]})
    parts = gather_from_processes((failed, skipped))
    failed, skipped = {file: text for part, _ in parts for file, text in part.items()}, sum(n for _, n in parts)
    if rank == 0:
        table.finish(list(plan))
        for message in failed.values():
            click.echo(f"Failed: {message}", err=True)
        done = len(plan) - skipped - len(failed)
        click.echo(f"Restored {done}, skipped {skipped} already done, failed {len(failed)}; see {table.path}.")
    stop_processes()
    if failed:
        sys.exit(1)


def plan_outputs(paths: Sequence[Path], output: Path) -> dict[str, Path]:
    """Say which image goes where.

    Args:
        paths: images, which go directly into the output folder, and folders, whose images keep their place in them.
        output: the output folder; what lies in it is no input.

    Returns:
        Sources by their place in the output folder, with forward slashes, in the order in which they are restored.

    Raises:
        InputError: when a folder has no image or is the output folder, or two images would go to one place.
    """
    inside = os.path.realpath(output)
    plan: dict[str, Path] = {}
    for path in paths:
        if not path.is_dir():
            found = {path.name: path}
        elif os.path.realpath(path) == inside:
            raise InputError(f"{path}: is the output folder itself; give another --output.")
        else:
            images = [image for image in list_images(path) if inside not in map(str, _parents(image))]
            if not images:
                raise InputError(f"{path}: the folder holds no radiograph.")
            found = {image.relative_to(path).as_posix(): image for image in images}
        for file, source in found.items():
            other = plan.setdefault(file, source)
            if os.path.realpath(other) != os.path.realpath(source):
                raise InputError(f"{other} and {source}: would both become {output / file}; restore them separately.")
            if os.path.realpath(source) == os.path.realpath(output / file):
                raise InputError(f"{source}: would be overwritten by its restoration; give another --output.")
    return plan


class _Restorer:
    """A model ready to restore files, and what decides how it does."""

    def __init__(
        self, model: Path, size: str, passes: int, precision: str, device: str | None, modalities: Sequence[str]
    ) -> None:
        self.device = _device(device)
        self.autocast = autocast_for(precision, self.device)
        self.network, trained = load_restorer(model, device=self.device)
        self.channels, self.classes = trained.channels, trained.classes
        self.load = LoadRadiograph(modalities=modalities)
        self.inferer = RestorationInferer(passes, trained.image_size if size == "trained" else "native")
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
        self.settings = {"model": digest, "size": size, "passes": passes, "precision": precision}
        at = "native size" if size == "native" else f"{trained.image_size} pixels"
        self.description = (
            f"Restored by monai_r2c {monai_r2c.__version__}: {trained.variant} restorer of order {trained.order}, "
            f"model {digest[:12]}, {passes} pass{'es' * (passes > 1)} at {at}, {precision}"
        )

    def __call__(self, source: Path) -> tuple[torch.Tensor, dict[str, Any], dict[str, Any]]:
        """Return the restored image in [0, 1], the meta data of its source and its row of the table."""
        start = time.perf_counter()
        image = self.load(source)
        inputs = image.as_tensor()[None].to(self.device).mul(2).sub(1).repeat(1, self.channels, 1, 1)
        with torch.inference_mode(), self.autocast:
            restored, logits = self.inferer(inputs, self.network)
        restored = restored.float().mean(dim=1).add(1).div(2).cpu()
        probabilities = logits.float().softmax(dim=1)[0].tolist()
        row: dict[str, Any] = {f"probability_{n}": f"{p:.6f}" for n, p in zip(self.classes, probabilities)}
        row["class"] = self.classes[probabilities.index(max(probabilities))]
        row["seconds"] = f"{time.perf_counter() - start:.3f}"
        return restored, image.meta, row


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}: cannot be used here; give cpu or a device that torch lists.") from error
    return device


def _parents(path: Path) -> Sequence[Path]:
    return Path(os.path.realpath(path)).parents


def _one_line(source: Path, error: Exception) -> str:
    if isinstance(error, InputError):
        return str(error)
    reason = next(iter(str(error).splitlines()), "")
    return f"{source}: {type(error).__name__}: {reason[:300]}"

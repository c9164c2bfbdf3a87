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

import logging
import math
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from monai_r2c.utils import InputError, in_one_line

from .next_steps import say_next
from .options import MODALITIES, modality_option, output_option, reader_option

if TYPE_CHECKING:
    import torch

    from monai_r2c.data.image_files import FoundImages
    from monai_r2c.handlers import RestorationSaver


RESTORED = "restorations of an earlier run"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    default="box",
    help="The model.pt that training wrote.  [default: box, the one that comes with the package]",
)
@output_option("Folder to write to.", folder=True)
@click.option(
    "--size",
    type=click.Choice(["auto", "trained", "native"]),
    default="auto",
    show_default=True,
    help="At the size of training, resampled back, or at the image's own; auto: own with a model that was made for it.",
)
@click.option(
    "--max-enlargement",
    type=click.FloatRange(min=1),
    default=4.0,
    show_default=True,
    help="Refuse images that are more times larger than the size the model works at.",
)
@click.option(
    "--keep-tone", is_flag=True, help="Leave exposure and contrast as they are; take noise, blur and scatter away."
)
@click.option("--spacing", type=float, metavar="MM", help="Distance of pixels, for images that state none.")
@click.option("--passes", type=click.IntRange(min=1), default=1, show_default=True, help="Times over its own output.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="bf16 is faster where the hardware has it; the gray levels that it costs are told.",
)
@click.option("--device", default=None, help="Such as cpu or cuda:0.  [default: cuda where there is one]")
@modality_option()
@reader_option()
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Processes that read ahead; 0: a thread does, which costs less.",
)
@click.option("--overwrite", is_flag=True, help="Restore again what is done; files of others are left alone.")
def restore(
    paths: Sequence[Path],
    model: Path,
    output: Path,
    size: str,
    max_enlargement: float,
    keep_tone: bool,
    spacing: float | None,
    passes: int,
    precision: str,
    device: str | None,
    modalities: Sequence[str],
    reader: str,
    workers: int,
    overwrite: bool,
) -> None:
    """Restore and classify radiographs, each written in its own kind, size and bit depth.

    PATHS are images and folders, which are searched with their sub-folders; a folder's images keep their place in it.
    predictions.csv in the output folder has a row for each: class, probabilities, how unfamiliar the image is to the
    model (1 is the limit), NIQE before and after, flags, working size, by how much the result was enlarged, pixel
    spacing, seconds (without writing), SHA-256 of the image and of the model, error. An image that fails does not stop
    the others; it is listed, and the exit status is 1. The same command again continues where an interrupted one ended
    and tries failed images anew. Nothing is replaced that this command did not write.
    """
    if math.isnan(max_enlargement):
        raise InputError("--max-enlargement: must be a number of at least 1, got nan.")
    if not any(path.exists() for path in paths):
        raise InputError(f"{', '.join(map(str, paths))}: there is no such file or folder.")
    from monai.data import DataLoader, ThreadDataLoader
    from monai.transforms import Compose, RepeatChanneld

    from monai_r2c.data.restorations import PREDICTIONS, RestorationDataset
    from monai_r2c.engines import R2CEvaluator, lanes_for
    from monai_r2c.handlers import RestorationFlags, RestorationSaver, RoundingError, TerminalProgress
    from monai_r2c.inferers import RestorationInferer, keeps_native_detail, working_size
    from monai_r2c.networks import describe_model, load_restorer, model_path
    from monai_r2c.transforms import LoadRadiographd
    from monai_r2c.utils import keep_freed_memory, process_device, process_rank, start_processes, stop_processes
    from monai_r2c.utils.value_range import to_network_range, to_unit_range

    plan, model = plan_restoration(paths, output), model_path(model)
    if "WORLD_SIZE" in os.environ:  # torchrun started several processes
        device = device or process_device()
        start_processes(device)
    target = _device(device)
    if target.type == "cpu":  # each image asks for the buffers of the one before
        keep_freed_memory()
    network, trained = load_restorer(model, device=target)
    if process_rank() == 0:
        click.echo(describe_model(model))
        if size == "native" and not keeps_native_detail(network):
            click.echo(f"Warning: the model was trained at {trained.image_size} pixels and sees another scale now.")
    at = working_size(size, network, trained.image_size)
    inferer = RestorationInferer(passes, at, max_enlargement, keep_tone)
    items = [{"image": str(source), "file": place} for place, source in plan.sources.items()]
    saver = RestorationSaver(
        items, trained.classes, output, output / PREDICTIONS, model, inferer, precision, overwrite, file_is_place=True
    )
    load = Compose(
        [
            LoadRadiographd("image", reader, (*MODALITIES, *modalities), spacing=spacing),
            to_network_range,
            *([RepeatChanneld("image", trained.channels)] if trained.channels > 1 else []),
        ]
    )
    left = saver.remaining()  # takes the output folder, so wrong options are refused before
    dataset: Any = RestorationDataset(left, load)
    if workers and len(left) > 1:
        loader = DataLoader(dataset, batch_size=1, num_workers=workers)
    else:  # to send an image from another process costs more than to decode a small one
        loader = ThreadDataLoader(dataset, 2, batch_size=1, num_workers=0)
    rounding = [RoundingError(network, inferer)] if precision == "bf16" else []
    try:
        if left:
            evaluator = R2CEvaluator(
                target,
                loader,
                network,
                inferer,
                precision,
                keep_going=True,
                lanes=min(lanes_for(inferer.size, target), len(left)),
                postprocessing=Compose([to_unit_range]),
                val_handlers=[RestorationFlags(trained.statistics), *rounding, saver, TerminalProgress("restoring")],
            )
            evaluator.logger.setLevel(logging.CRITICAL)  # what ends the run is told once, by who started it
            evaluator.run()
        saver.close()
    except BaseException:
        saver.abandon()
        raise
    if process_rank() == 0:
        for line in filter(None, (error.describe() for error in rounding)):
            click.echo(line)
        _report(plan, saver, [] if modalities else paths, output)
    stop_processes()
    if saver.failed or plan.found.closed:
        sys.exit(1)


@dataclass(frozen=True)
class RestorationPlan:
    """Which image goes where.

    Args:
        sources: by their place in the output folder, with forward slashes, in the order in which they are restored.
        found: all that was found; its images are those of folders and files alike.
    """

    sources: dict[str, Path]
    found: FoundImages


def plan_restoration(paths: Sequence[Path], output: Path) -> RestorationPlan:
    """Say which image goes where.

    Args:
        paths: images, which go directly into the output folder, and folders, whose images keep their place in them.
        output: the output folder; what lies in it is no input.

    Raises:
        InputError: when a folder has no image or is the output folder, two images would go to one place, or one where
            another needs a folder.
    """
    from monai_r2c.data.image_files import FoundImages

    inside = os.path.realpath(output)
    plan = RestorationPlan({}, FoundImages())
    for path in paths:
        if not path.is_dir():
            found = {path.name: path}
        elif os.path.realpath(path) == inside:
            raise InputError(f"{path}: is the output folder itself; give another --output.")
        else:
            found = _search(path, inside, plan)
        for file, source in found.items():
            other = plan.sources.setdefault(file, source)
            if os.path.realpath(other) != os.path.realpath(source):
                raise InputError(f"{other} and {source}: would both become {output / file}; restore them separately.")
            if os.path.realpath(source) == os.path.realpath(output / file):
                raise InputError(f"{source}: would be overwritten by its restoration; give another --output.")
    for place, source in plan.sources.items():
        for above in map(str, PurePosixPath(place).parents):
            if above in plan.sources:
                raise InputError(
                    f"{plan.sources[above]} and {source}: need {output / above} as a file and as a folder; restore "
                    "them separately."
                )
    return plan


def _search(folder: Path, inside: str, plan: RestorationPlan) -> dict[str, Path]:
    """Images of a folder by their place in it; what is passed over is added to the plan."""
    from monai_r2c.data.image_files import find_images

    found = find_images(folder)
    images: list[Path] = []
    earlier: list[Path] = []
    for image in found.images:
        if inside not in map(str, _parents(image)):
            (earlier if _is_restored(image, folder) else images).append(image)
    if earlier:
        plan.found.passed_over.setdefault(RESTORED, []).extend(earlier)
    for reason, others in found.passed_over.items():
        kept = [path for path in others if inside not in map(str, _parents(path))]
        plan.found.passed_over.setdefault(reason, []).extend(kept)
    plan.found.closed.extend(found.closed)
    if not images and not found.closed:
        raise InputError(f"{folder}: the folder holds no radiograph{_but(plan.found)}.")
    return {image.relative_to(folder).as_posix(): image for image in images}


def _is_restored(image: Path, folder: Path) -> bool:
    """Whether it lies in the output of an earlier run somewhere below the folder that was asked for."""
    from monai_r2c.data.restorations import SETTINGS

    below = image.parent.relative_to(folder).parts
    return any((folder.joinpath(*below[:count]) / SETTINGS).is_file() for count in range(1, len(below) + 1))


def _but(found: FoundImages) -> str:
    return f", but {found.describe()}" if found.describe() else ""


def _report(plan: RestorationPlan, saver: RestorationSaver, paths: Sequence[Path], output: Path) -> None:
    """Every file that was found is in one of the numbers; `paths`: of what a reader study can be made."""
    from monai_r2c.handlers.restoration_flags import describe_flags

    refused, passed_over = len(saver.failed), sum(map(len, plan.found.passed_over.values()))
    done = len(plan.sources) - saver.restored - refused
    for message in [*saver.failed.values(), *plan.found.closed]:
        click.echo(f"Failed: {in_one_line(message)}", err=True)
    if passed_over:
        click.echo(f"Passed over: {in_one_line(plan.found.describe())}.")
    for line in describe_flags(saver.flagged):
        click.echo(line)
    saver.warn()
    click.echo(
        f"Found {len(plan.sources) + passed_over} files: {saver.restored + refused} read ({saver.restored} restored, "
        f"{refused} refused), {done + passed_over} skipped ({done} already done, {passed_over} passed over); "
        f"see {in_one_line(str(saver.folder.table))}."
    )
    cases = min(60, saver.restored + done)
    if len(paths) == 1 and paths[0].is_dir() and cases:
        poor, restored = shlex.quote(str(paths[0])), shlex.quote(str(output))
        say_next(
            f"python -m monai_r2c study make --poor {poor} --method restored={restored} --cases {cases} --output study",
            when="after a look at the images, to let others judge them without knowing which is which",
        )


def _device(name: str | None) -> torch.device:
    import torch

    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}: cannot be used here; give cpu or a device that torch lists.") from error
    return device


def _parents(path: Path) -> Sequence[Path]:
    return Path(os.path.realpath(path)).parents

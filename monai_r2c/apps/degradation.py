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
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monai_r2c.utils import InputError
from monai_r2c.utils.files import check_writable, write_text_atomically

from .next_steps import say_next, training_commands
from .options import output_option

if TYPE_CHECKING:
    import numpy as np

    from monai_r2c.data.degradation_fit import DegradationFit

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def degradation() -> None:
    """Faults of radiographs: find those of one's own images."""


@degradation.command()
@click.option("--poor", required=True, type=_FOLDER, help="Folder of poor radiographs.")
@click.option("--good", required=True, type=_FOLDER, help="Folder of good ones, of other or of the same bodies.")
@output_option("YAML file to write.")
@click.option(
    "--size", type=click.IntRange(min=32), default=256, show_default=True, help="Pixels; that of training (image_size)."
)
@click.option("--evaluations", type=click.IntRange(min=20), default=480, show_default=True, help="Ranges to try.")
@click.option("--images", type=click.IntRange(min=8), default=200, show_default=True, help="At most so many of each.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the search.")
def fit(poor: Path, good: Path, output: Path, size: int, evaluations: int, images: int, seed: int) -> None:
    """Find the faults for which degraded good images are distributed as the poor ones are.

    Writes the ranges as a transform for training, and beside it, as PNG, how noise, sharpness, exposure and
    compression are distributed in poor, good and degraded images. The centre square of each image is used, at the
    size of training. The two folders should show bodies and views alike: other differences are taken for faults too.
    """
    from tqdm import tqdm

    from monai_r2c.data.degradation_fit import fit_degradation
    from monai_r2c.data.degradation_fit.drawing import draw_fit

    check_writable(output)
    size -= size % 8
    stacks = {name: _read(folder, size, images, seed) for name, folder in (("poor", poor), ("good", good))}
    with tqdm(total=evaluations, unit="trial", disable=None) as bar:

        def progress(done: int, distance: float) -> None:
            bar.update(min(done, evaluations) - bar.n)
            bar.set_postfix_str(f"distance {distance:.3f}")

        found = fit_degradation(stacks["poor"], stacks["good"], evaluations, seed=seed, progress=progress)
    write_text_atomically(output, _file_text(found, poor, good, size))
    picture = output.with_suffix(".png")
    draw_fit(found.indicators).save(picture)
    _summarise(found, output, picture)


def _read(folder: Path, size: int, most: int, seed: int) -> np.ndarray:
    import numpy as np
    from tqdm import tqdm

    from monai_r2c.data import list_images
    from monai_r2c.transforms import LoadRadiograph, ResizeShortest

    files: Sequence[Path] = list_images(folder)
    if not files:
        raise InputError(f"{folder}: the folder holds no radiograph.")
    chosen = sorted(np.random.default_rng(seed).permutation(len(files))[:most])
    load, resize = LoadRadiograph(), ResizeShortest(size)
    images = []
    for index in tqdm(chosen, desc=str(folder), unit="image", disable=None):
        image = resize(load(files[index]).as_tensor())[0].clamp(0, 1)
        top, left = ((side - size) // 2 for side in image.shape)
        images.append(image[top : top + size, left : left + size].numpy())
    return np.stack(images)


def _file_text(found: DegradationFit, poor: Path, good: Path, size: int) -> str:
    import yaml

    transform: dict[str, Any] = {"_target_": "RandPoorQualityd", "keys": "image", "prob": 1.0, "value_range": [-1, 1]}
    before, after = found.distance_before, found.distance_after
    comment = (
        f"# Faults of the radiographs in {poor.name}, for images of {size} pixels in [-1, 1].",
        f"# Good ones of {good.name} are {after:.3f} away from them when degraded so, as they are {before:.3f}.",
    )
    body = yaml.safe_dump({**transform, **found.severity}, sort_keys=False, default_flow_style=None)
    return "\n".join([*comment, body])


def _summarise(found: DegradationFit, out: Path, picture: Path) -> None:
    click.echo(
        f"distance of good images from the poor ones: {found.distance_before:.3f} as they are, "
        f"{found.distance_after:.3f} degraded; of one half of the poor images from the other {found.distance_poor:.3f}"
    )
    if found.distance_after >= found.distance_before:
        click.echo("degrading does not bring good images closer: do not train with these faults")
    elif found.distance_after > 2 * found.distance_poor:
        click.echo("the blend does not reach them: farthest off are " + ", ".join(_farthest(found)))
    click.echo(f"wrote {out} and {picture}")
    faults = shlex.quote(f"%{out.absolute()}")
    train = training_commands("datalist", Path("data.json"), f"--synthetic_degradation {faults}")
    say_next(*train, when="after a look at the picture")


def _farthest(found: DegradationFit, count: int = 3) -> list[str]:
    import numpy as np

    from monai_r2c.data.degradation_fit import INDICATORS

    poor, degraded = found.indicators["poor"], found.indicators["degraded"]
    spread = np.concatenate([poor, degraded]).std(axis=0) + 1e-9
    off = np.abs(np.median(poor, axis=0) - np.median(degraded, axis=0)) / spread
    return [INDICATORS[index] for index in np.argsort(-off)[:count]]

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

import math
import os
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monai_r2c.utils import InputError
from monai_r2c.utils.files import check_writable, csv_text, write_text_atomically

from .next_steps import say_next
from .options import MODALITIES, modality_option, output_option, reader_option

if TYPE_CHECKING:
    from monai_r2c.data import QualityThresholds
    from monai_r2c.transforms import LoadRadiograph


# QualityThresholds of monai_r2c.data, here too so that help imports nothing heavy
THRESHOLDS = {
    "poor_contrast": 88.0,
    "poor_cnr": 34.0,
    "poor_sharpness": 1.7,
    "poor_mean_low": 100.0,
    "poor_mean_high": 172.0,
    "poor_clipping": 0.08,
    "good_contrast": 98.0,
    "good_cnr": 38.0,
    "good_sharpness": 1.8,
    "good_mean_low": 105.0,
    "good_mean_high": 168.0,
}


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@output_option("CSV file to write.")
@modality_option()
@reader_option()
@click.option(
    "--threshold",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    help=f"Another threshold than these: {', '.join(f'{name}={value:g}' for name, value in THRESHOLDS.items())}.",
)
def quality(
    paths: Sequence[Path], output: Path, modalities: Sequence[str], reader: str, changes: Sequence[str]
) -> None:
    """Measure noise, sharpness, contrast, exposure and clipping; propose poor, mid or good.

    PATHS are images and folders, which are searched with their sub-folders. The CSV has a row for each image; the
    column file is relative to the CSV's folder. An image that cannot be read has its reason in the column error,
    and the exit status is 1 then. The proposals follow fixed thresholds: look at the images before using them.
    """
    changed = _thresholds(changes)
    from tqdm import tqdm

    from monai_r2c.data import QualityMeasures, QualityThresholds
    from monai_r2c.data.restorations.table import safe_cell
    from monai_r2c.transforms import LoadRadiograph

    columns = ("file", *(field.name for field in fields(QualityMeasures)), "faults", "quality", "error")
    thresholds = QualityThresholds(**changed)
    images = _collect(paths)
    check_writable(output)
    load = LoadRadiograph(reader, (*MODALITIES, *modalities))
    folder = output.resolve().parent
    rows = [_measure(image, load, folder, thresholds) for image in tqdm(images, unit="image", disable=None)]
    cells = ([safe_cell(column, row.get(column, "")) for column in columns] for row in rows)
    write_text_atomically(output, csv_text([columns, *cells]))
    _summarise(rows, output)
    if any("error" in row for row in rows):
        sys.exit(1)


def _thresholds(changes: Sequence[str]) -> dict[str, float]:
    values = dict(THRESHOLDS)
    for change in changes:
        name, _, value = change.partition("=")
        if name not in values:
            raise InputError(f"--threshold {change}: expected NAME=VALUE with a name of {', '.join(values)}")
        try:
            values[name] = float(value)
        except ValueError as error:
            raise InputError(f"--threshold {change}: {value!r} is not a number") from error
        if math.isnan(values[name]):
            raise InputError(f"--threshold {change}: every comparison with NaN fails; expected a number")
    return values


def _collect(paths: Sequence[Path]) -> list[Path]:
    from monai_r2c.data import list_images

    found: dict[str, Path] = {}
    again = 0
    for path in paths:
        images = list_images(path) if path.is_dir() else [path]
        if not images:
            raise InputError(f"{path}: the folder holds no image")
        for image in images:
            again += found.setdefault(os.path.realpath(image), image) is not image
    if again:
        click.echo(f"passed over: {again} other {'names' if again > 1 else 'name'} of images that have a row", err=True)
    return list(found.values())


def _measure(image: Path, load: LoadRadiograph, folder: Path, thresholds: QualityThresholds) -> dict[str, str]:
    from monai_r2c.data import find_faults, measure_quality, propose_quality

    row = {"file": Path(os.path.relpath(image.absolute(), folder)).as_posix()}
    try:
        measures = measure_quality(load(image))
    except Exception as error:  # whatever a broken file does, the others go on
        reason = str(error) if isinstance(error, InputError) else f"{image}: {type(error).__name__}: {error}"
        return row | {"error": " ".join(reason.split())}
    row |= {name: f"{value:.4f}".rstrip("0").rstrip(".") for name, value in asdict(measures).items()}
    faults = find_faults(measures, thresholds)
    return row | {"faults": "|".join(faults), "quality": propose_quality(measures, thresholds)}


def _summarise(rows: Sequence[dict[str, str]], out: Path) -> None:
    grades = Counter(row["quality"] for row in rows if "quality" in row)
    faults = Counter(fault for row in rows for fault in row.get("faults", "").split("|") if fault)
    click.echo(f"{len(rows)} images: " + ", ".join(f"{grades[grade]} {grade}" for grade in ("poor", "mid", "good")))
    if faults:
        click.echo("faults: " + ", ".join(f"{count} {fault}" for fault, count in faults.most_common()))
    for row in rows:
        if "error" in row:
            click.echo(f"not read: {row['error']}", err=True)
    click.echo(f"wrote {out}")
    say_next(
        "python -m monai_r2c datalist --folder CLASS=DIR --folder OTHER=DIR --classes OTHER,CLASS "
        f"--quality {shlex.quote(str(out))} --output data.json",
        when="after a look at the images of each grade, with a folder for each class",
    )

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

import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from benchmarks.restoration.settings import read_settings
from monai_r2c.utils.files import write_text_atomically

from .images import Restorer, Row, degrade, read

FOLDER = Path(__file__).parents[2] / "docs/source/examples/radiographs"
# name of the example: file of the collection, and whether faults are added
EXAMPLES = {
    "hazy_1.png": ("cxr-0639.png", False),
    "hazy_2.png": ("cxr-0895.png", False),
    "degraded_1.png": ("cxr-0052.png", True),
    "degraded_2.png": ("cxr-0143.png", True),
}
_CREDITS = """# Radiographs to try

Frontal chest radiographs of NIH ChestX-ray14, cut to squares and reduced to 256 x 256 pixels. No restrictions on use;
data provided by the NIH Clinical Center, <https://nihcc.app.box.com/v/ChestXray-NIHCC>. X. Wang, Y. Peng, L. Lu, Z.
Lu, M. Bagheri, R. M. Summers, "ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised
Classification and Localization of Common Thorax Diseases", IEEE CVPR 2017, pp. 3462-3471. None of these patients is
in the training of the model in the box.

| file | what it is | original |
| --- | --- | --- |
"""


def write_examples(data: Path, rows: Sequence[Row]) -> None:
    """Write test images of NIH, really poor ones and ones with `unknown` faults added, with their credits."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (data / "cxr/manifest.csv").open(encoding="utf-8", newline="") as file:
        originals = {Path(row["file"]).name: Path(row["original_path"]).name for row in csv.DictReader(file)}
    lines = []
    for name, (file, with_faults) in EXAMPLES.items():
        row = _test_row(file, rows)
        image = _degraded(row) if with_faults else read(row.path)
        gray = (image[0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        Image.fromarray(gray).save(FOLDER / name, optimize=True)
        what = "good, with synthetic faults added" if with_faults else "poor as it was published"
        lines.append(f"| `{name}` | {what} | {originals[file]} |\n")
    write_text_atomically(FOLDER / "CREDITS.txt", _CREDITS + "".join(lines))


def example_columns(rows: Sequence[Row], restorer: Restorer) -> list[list[torch.Tensor]]:
    """Each example as it is, restored, and where faults were added its original."""
    columns = []
    for name, (file, with_faults) in EXAMPLES.items():
        image = read(FOLDER / name)
        columns.append([image, restorer(image)[0], *([read(_test_row(file, rows).path)] if with_faults else [])])
    return columns


def _test_row(file: str, rows: Sequence[Row]) -> Row:
    return next(row for row in rows if row.path.name == file and row.split == "test")


def _degraded(row: Row) -> torch.Tensor:
    return degrade(read(row.path), list(read_settings().blend("unknown").values()), int(row.path.stem[-4:]), 0)

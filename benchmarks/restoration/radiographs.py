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
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image

from monai_r2c.utils import InputError

from .settings import HERE

# by task: the list of its images, and the collection's columns that say which they are, their label, and alike pairs
LISTS = {"pneumonia": HERE / "radiographs.csv", "covid": HERE / "radiographs_covid.csv"}
COLUMNS = {
    "pneumonia": ("task_pneumonia", "label_pneumonia", "matched_pneumonia"),
    "covid": ("task_covid", "label", "matched_1to1"),
}


@dataclass(frozen=True)
class Radiograph:
    """A row of the list of images that the beds are made of.

    Args:
        file: name below the folder of the data.
        label: ``no-finding`` or ``pneumonia``; ``non-covid`` or ``covid``.
        patient: of the public collection.
        split: ``train`` or ``test`` of the collection's copy that the list was made of.
        quality: ``good``, ``mid`` or ``poor``.
        matched: 1 when it belongs to the collection's pairs of images of both labels that are alike.
        source, licence, url: where the original is public.
        pixels: sha256 of the gray values, ``(256, 256)`` of 8 bits, row by row.
    """

    file: str
    label: str
    patient: str
    split: str
    quality: str
    matched: str
    source: str
    licence: str
    url: str
    pixels: str


def read_list(task: str = "pneumonia") -> list[Radiograph]:
    with LISTS[task].open(encoding="utf-8", newline="") as file:
        return [Radiograph(**row) for row in csv.DictReader(file)]


def write_list(radiographs: Iterable[Radiograph], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Radiograph)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(radiograph) for radiograph in radiographs)


def list_collection(data: Path, task: str) -> list[Radiograph]:
    """List the images of a task from a collection's ``manifest.csv``."""
    belongs, label, matched = COLUMNS[task]
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise InputError(f"{manifest}: no such file; give the folder that holds manifest.csv and images/.")
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row[belongs] == "1"]
    return [
        Radiograph(
            file=row["file"],
            label=row[label],
            patient=row["patient_id"],
            split=row["split"],
            quality=row["quality"],
            matched=row[matched],
            source=f"{row['source_repo']}: {row['original_path']}",
            licence=row["licence"],
            url=row["attribution_url"],
            pixels=hash_of(read_gray(data / row["file"])),
        )
        for row in rows
    ]


def check_data(data: Path, radiographs: Sequence[Radiograph]) -> None:
    """Refuse a folder in which an image of the list is missing or has other pixels."""
    for radiograph in radiographs:
        path = data / radiograph.file
        if not path.is_file():
            raise InputError(f"{path}: no such file; it is {radiograph.source} (see radiographs.csv).")
        if hash_of(read_gray(path)) != radiograph.pixels:
            raise InputError(f"{path}: its pixels are not those of the list; expected {radiograph.source}.")


def read_gray(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def hash_of(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()

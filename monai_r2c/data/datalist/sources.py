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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_r2c.data.image_files import list_images
from monai_r2c.utils import InputError

from .items import DatalistItem
from .rules import Rules, Selection
from .table import read_table

_SECTION_NAMES = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "testing",
    "testing": "testing",
}


@dataclass(frozen=True)
class ManifestColumns:
    """Columns of a manifest; without `split`, all images are training images."""

    image: str = "file"
    domain: str = "quality"
    label: str | None = None
    split: str | None = None
    patient: str | None = None
    source: str | None = None
    study: str | None = None
    view: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns that the manifest must have."""
        return [name for name in vars(self).values() if name]


@dataclass(frozen=True)
class ImageFolder:
    """A folder of a collection, with the label and domain of all its images where it tells them."""

    path: Path
    label: str | None = None
    domain: str | None = None


def select_from_manifest(
    manifest: Path,
    rules: Rules,
    columns: ManifestColumns,
    image_root: Path | None = None,
    where: Mapping[str, str] | None = None,
) -> Selection:
    """Take images from a CSV file with one row an image.

    Args:
        manifest: the CSV file.
        rules: how an image gets its label, domain and patient.
        columns: names of its columns.
        image_root: folder that the image column is relative to; the manifest's own when None.
        where: values that columns must have; other rows are left out.

    Raises:
        InputError: when a column is missing or empty, a label is missing or outside the classes, or a split has no
            known name (train, training, val, valid, validation, test, testing).
    """
    conditions = dict(where or {})
    root = manifest.parent.resolve() if image_root is None else image_root
    selection = Selection()
    for place, row in read_table(manifest, [*columns.names, *conditions]):
        failing = [f"{column} not {value}" for column, value in conditions.items() if row[column] != value]
        if failing:
            selection.left_out[failing[0]] += 1
            continue
        domain = rules.find_domain(row[columns.domain])
        if domain is None:
            selection.left_out[f"{columns.domain} {row[columns.domain] or 'unknown'}"] += 1
            continue
        for column in (columns.image, columns.split, columns.patient, columns.source, columns.study):
            if column and not row[column]:
                raise InputError(f"{place}: the column {column} is empty")
        section = "training"
        if columns.split:
            name = row[columns.split]
            if name.lower() not in _SECTION_NAMES:
                raise InputError(f"{place}: {columns.split} is {name!r}; expected one of {', '.join(_SECTION_NAMES)}")
            section = _SECTION_NAMES[name.lower()]
        selection.add(
            rules,
            root / row[columns.image],
            f"{place} ({row[columns.image]})",
            domain=domain,
            label=row[columns.label] if columns.label else None,
            section=section,
            patient=row[columns.patient] if columns.patient else None,
            source=row[columns.source] if columns.source else None,
            study=row[columns.study] if columns.study else None,
            view=(row[columns.view] or None) if columns.view else None,
            file=row[columns.image],
        )
    return selection


def select_from_folders(folders: Sequence[ImageFolder], rules: Rules, quality: Path | None = None) -> Selection:
    """Take images from folders, searched with their sub-folders; all are training images.

    An image to which links lead is taken once, unless they would make it another domain or label.

    Args:
        folders: the folders.
        rules: how an image gets its label, domain and patient.
        quality: CSV file with the columns ``file`` (relative to it) and ``quality``, for folders without domain.

    Raises:
        InputError: when a folder is missing or holds no image, or an image has no label, two, or no row in `quality`.
    """
    grades = {} if quality is None else _read_grades(quality)
    selection = Selection()
    taken: dict[str, DatalistItem] = {}
    for folder in folders:
        if not folder.path.is_dir():
            raise InputError(f"{folder.path}: there is no such folder; expected LABEL=FOLDER")
        images = list_images(folder.path)
        if not images:
            raise InputError(f"{folder.path}: the folder holds no image")
        for image in images:
            domain = folder.domain
            if domain is None:
                grade = grades.get(os.path.realpath(image))
                if grade is None:
                    raise InputError(f"{image}: no row in {quality}; a row for each image is needed")
                domain = rules.find_domain(grade)
                if domain is None:
                    selection.left_out[f"quality {grade or 'unknown'}"] += 1
                    continue
            count = len(selection.entries)
            selection.add(rules, image, str(image), domain=domain, label=folder.label)
            for entry in selection.entries[count:]:
                before = taken.setdefault(os.path.realpath(image), entry)
                if before is not entry and (before.domain, before.label) == (entry.domain, entry.label):
                    selection.left_out["another name for an image that is taken already"] += 1
                    selection.entries.pop()
    return selection


def _read_grades(quality: Path) -> dict[str, str]:
    rows = read_table(quality, ("file", "quality"), "surrogateescape")
    return {os.path.realpath(quality.parent.resolve() / row["file"]): row["quality"] for _, row in rows}

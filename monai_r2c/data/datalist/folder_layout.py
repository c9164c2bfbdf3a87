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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_r2c.data.image_files import list_images
from monai_r2c.utils import InputError

from .items import DOMAINS, SECTIONS, TRAINING, UNLABELLED, Datalist, DatalistItem, label_index
from .table import read_table

LABELS_FILE = "labels.csv"

_SECTION_FOLDERS = {
    "training": ("train", "training"),
    "validation": ("val", "validation"),
    "testing": ("test", "testing"),
}
_OPTIONAL = ("patient", "reference", "source", "study", "view")
_DOMAIN_LETTERS = {"poor": "A", "good": "B"}


def read_dataset_dir(
    dataset_dir: str | Path, classes: Sequence[str] | None = None, required: Sequence[str] = TRAINING
) -> Datalist:
    """Read and check a dataset folder: one sub-folder a section and domain, labels in a table or by class folders.

    The sub-folders are ``trainA``, ``trainB``, ``valA``, ``valB``, ``testA``, ``testB`` (A poor, B good) or
    ``train/poor``, ``train/good``, ``validation/poor`` and so on. With a ``labels.csv`` in the folder (header
    ``file,label[,reference][,patient][,source][,study][,view]``; paths relative to the folder, with forward slashes;
    labels are class names) it labels every image. Without one, each image lies in a folder with its class's name, such
    as ``train/poor/covid/x.png``; or all lie directly in their domain's folder and are of one class, ``unlabelled``.

    Args:
        dataset_dir: the folder.
        classes: class names. They may be left out without a ``labels.csv``: they are the folders' names then, sorted.
        required: places (section/domain) that must hold images.

    Raises:
        InputError: when there is no such folder or layout, an image has no label or two, a label is outside `classes`,
            or as `Datalist.check` does.
    """
    root = Path(dataset_dir)
    folders = _domain_folders(root)
    images = {place: list_images(folder) for place, folder in folders.items()}
    has_table = (root / LABELS_FILE).is_file()
    if classes is None:
        if has_table:
            raise InputError(f"{root}: classes are needed to read {LABELS_FILE}, such as classes=[non-covid, covid]")
        if all(image.parent == folders[place] for place in images for image in images[place]):
            classes = [UNLABELLED]
        else:
            classes = sorted(
                {_class_folder(image, folders[place], root) for place in images for image in images[place]}
            )
    table = read_labels(root) if has_table else {}
    entries = []
    for (section, domain), folder in folders.items():
        for image in images[section, domain]:
            file = image.relative_to(root).as_posix()
            row = _labelled(image, folder, root, classes, table if has_table else None)
            entries.append(
                DatalistItem(
                    section,
                    domain,
                    image=os.path.abspath(image),
                    label=label_index(row.label, classes, f"{root / LABELS_FILE if has_table else root}: {file}"),
                    file=file,
                    patient=row.patient,
                    reference=None if row.reference is None else os.path.abspath(root / row.reference),
                    source=row.source,
                    study=row.study,
                    view=row.view,
                )
            )
    result = Datalist(tuple(classes), tuple(entries))
    result.check(root, required)
    return result


@dataclass(frozen=True)
class LabelRow:
    """A row of ``labels.csv``: class name, and what else is given; the reference is relative to the folder."""

    label: str
    patient: str | None = None
    reference: str | None = None
    source: str | None = None
    study: str | None = None
    view: str | None = None


def read_labels(dataset_dir: str | Path) -> dict[str, LabelRow]:
    """Read ``labels.csv`` of a dataset folder.

    Returns:
        The rows by file (relative to the folder, with forward slashes).

    Raises:
        InputError: when the header is wrong, a row is incomplete, a file is missing or listed twice.
    """
    path = Path(dataset_dir) / LABELS_FILE
    rows: dict[str, LabelRow] = {}
    for where, row in read_table(path, ("file", "label")):
        file, label = row["file"], row["label"]
        if not file or not label:
            raise InputError(f"{where}: file and label must not be empty")
        if file in rows:
            raise InputError(f"{where}: {file} is listed twice ({rows[file].label}, {label})")
        if not (path.parent / file).is_file():
            raise InputError(f"{where}: there is no file {path.parent / file}")
        rows[file] = LabelRow(label, *(row.get(column) or None for column in _OPTIONAL))
    return rows


def _domain_folders(root: Path) -> dict[tuple[str, str], Path]:
    """Folder of each section and domain that has one."""
    if not root.is_dir():
        raise InputError(f"{root}: there is no such dataset folder")
    folders = {}
    for section in SECTIONS:
        for domain in DOMAINS:
            names = [f"{name}{_DOMAIN_LETTERS[domain]}" for name in _SECTION_FOLDERS[section]]
            names += [f"{name}/{domain}" for name in _SECTION_FOLDERS[section]]
            present = [name for name in names if (root / name).is_dir()]
            if len(present) > 1:
                raise InputError(f"{root}: {' and '.join(present)} both stand for {section}/{domain}; keep one of them")
            if present:
                folders[section, domain] = root / present[0]
    if not folders:
        raise InputError(f"{root}: expected folders such as trainA and trainB, or train/poor and train/good")
    return folders


def _class_folder(image: Path, folder: Path, root: Path) -> str:
    """Name of the folder directly inside the domain's folder that holds the image."""
    parts = image.relative_to(folder).parts
    if len(parts) < 2:
        raise InputError(
            f"{image}: the image has no label; put it into a folder named after its class or write {root / LABELS_FILE}"
        )
    return parts[0]


def _labelled(
    image: Path, folder: Path, root: Path, classes: Sequence[str], table: dict[str, LabelRow] | None
) -> LabelRow:
    if table is None:
        if len(classes) == 1 and image.parent == folder:
            return LabelRow(classes[0])
        return LabelRow(_class_folder(image, folder, root))
    file = image.relative_to(root).as_posix()
    if file not in table:
        raise InputError(f"{root / LABELS_FILE}: {file} has no label; add a row for it")
    row = table[file]
    for above in image.relative_to(folder).parts[:-1]:
        if above in classes and above != row.label:
            raise InputError(f"{image}: two labels: the folder says {above}, {LABELS_FILE} says {row.label}")
    return row

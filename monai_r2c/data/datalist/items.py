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

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_r2c.utils import InputError
from monai_r2c.utils.files import write_text_atomically

from .copies import find_identical

SECTIONS = ("training", "validation", "testing")
DOMAINS = ("poor", "good")
TRAINING = ("training/poor", "training/good")
UNLABELLED = "unlabelled"  # the one class of images of which no class is told


@dataclass(frozen=True)
class DatalistItem:
    """One image of a datalist.

    Args:
        section: ``training``, ``validation`` or ``testing``.
        domain: ``poor`` or ``good``.
        image: absolute path of the image.
        label: index into the datalist's classes.
        file: the image's path as the user wrote it, for messages and tables.
        patient: the patient's name or number, where known.
        reference: absolute path of the clean original of a degraded image, where there is one.
        source: where the image comes from, such as the hospital, the device or the collection, where known.
        study: the study's UID or number, where known.
        view: the projection, such as PA or AP, where known.
    """

    section: str
    domain: str
    image: str
    label: int
    file: str
    patient: str | None = None
    reference: str | None = None
    source: str | None = None
    study: str | None = None
    view: str | None = None

    @property
    def place(self) -> str:
        """Section and domain as users read them, such as ``training/poor``."""
        return f"{self.section}/{self.domain}"

    def to_dict(self) -> dict[str, Any]:
        """Return the item as MONAI's dictionary transforms take it; absent options are absent keys."""
        item = {"image": self.image, "label": self.label, "file": self.file}
        options = {"patient": self.patient, "reference": self.reference, "source": self.source}
        return item | {key: value for key, value in options.items() if value is not None}


@dataclass(frozen=True)
class Datalist:
    """The images of a run by section (training, validation, testing) and domain (poor, good), with their classes.

    Args:
        classes: class names; an item's label is an index into them.
        entries: all items, in the order in which `items` returns them.
    """

    classes: tuple[str, ...]
    entries: tuple[DatalistItem, ...]

    def items(self, section: str, domain: str) -> list[dict[str, Any]]:
        """Return the images of one section and domain as dictionaries for MONAI's datasets.

        Returns:
            Dictionaries with ``image`` (absolute path), ``label`` (index) and ``file`` (path as written), and where
            known ``patient``, ``reference`` (absolute path of the clean original) and ``source``. Empty when there are
            none.

        Raises:
            ValueError: when there is no such section or domain.
        """
        if section not in SECTIONS or domain not in DOMAINS:
            raise ValueError(f"expected one of {SECTIONS} and one of {DOMAINS}, got {section!r} and {domain!r}.")
        return [entry.to_dict() for entry in self.entries if (entry.section, entry.domain) == (section, domain)]

    def label_weights(self, weights: str | Sequence[float] | None) -> list[float] | None:
        """Return the weight of each class for `RestoreToClassifyLoss`.

        Args:
            weights: a number for each class; ``balanced``, for which a class's images, of both domains of the training,
                count as much together as those of any other class and one image counts 1 on average; or None, which
                stays.

        Raises:
            InputError: when there is not one number for each class, or a class has no training image to be balanced.
        """
        if weights is None:
            return None
        if weights != "balanced":
            if len(weights) != len(self.classes):
                names = ", ".join(self.classes)
                raise InputError(f"label_weights: {len(weights)} weights for the classes {names}; give one for each.")
            return [float(weight) for weight in weights]
        labels = [entry.label for entry in self.entries if entry.place in TRAINING]
        counts = [labels.count(label) for label in range(len(self.classes))]
        if 0 in counts:
            missing = self.classes[counts.index(0)]
            raise InputError(f"label_weights: balanced needs training images of every class; {missing} has none.")
        return [len(labels) / (len(counts) * count) for count in counts]

    def write(self, path: str | Path) -> None:
        """Write the datalist as JSON, atomically, with paths relative to the file's folder where possible."""
        folder = Path(path).parent.resolve()
        content: dict[str, Any] = {"classes": list(self.classes)}
        for section in SECTIONS:
            content[section] = {domain: [] for domain in DOMAINS}
        for entry in self.entries:
            item: dict[str, Any] = {"image": _relative(entry.image, folder), "label": entry.label}
            if entry.patient is not None:
                item["patient"] = entry.patient
            if entry.reference is not None:
                item["reference"] = _relative(entry.reference, folder)
            for key in ("source", "study", "view"):
                if getattr(entry, key) is not None:
                    item[key] = getattr(entry, key)
            content[entry.section][entry.domain].append(item)
        text = json.dumps(content, indent=1, ensure_ascii=False)
        # bytes of a name that are not UTF-8 become escapes, so that the file is UTF-8 and the name stays
        text = re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)
        write_text_atomically(path, text + "\n")

    def check(self, source: str | Path, required: Sequence[str] = TRAINING) -> None:
        """Refuse what would spoil a run: empty domains, missing files, images or patients in more than one place.

        Args:
            source: where the datalist comes from, to be named in messages.
            required: places (section/domain) that must hold images.

        Raises:
            InputError: at the first fault; one line that names `source`, the place or file, and what is expected.
        """
        for place in required:
            if not any(entry.place == place for entry in self.entries):
                raise InputError(f"{source}: {place} holds no image; at least one is needed")
        seen: dict[str, DatalistItem] = {}
        patients: dict[str, DatalistItem] = {}
        studies: dict[str, DatalistItem] = {}
        for entry in self.entries:
            for path in filter(None, (entry.image, entry.reference)):
                if not os.path.isfile(path):
                    raise InputError(f"{source}: {entry.file} in {entry.place}: there is no file {path}")
            other = seen.setdefault(os.path.realpath(entry.image), entry)
            if other is not entry:
                before = "" if other.file == entry.file else f" as {other.file}"
                raise InputError(
                    f"{source}: {entry.file} is listed in {other.place}{before} and again in {entry.place}; "
                    "an image belongs in one place, once"
                )
            for kind, name, known in (("patient", entry.patient, patients), ("study", entry.study, studies)):
                if name is None:
                    continue
                other = known.setdefault(name, entry)
                if other.section != entry.section:
                    raise InputError(
                        f"{source}: {kind} {name} is in {other.section} ({other.file}) and in {entry.section} "
                        f"({entry.file}); all images of a {kind} belong in one section"
                    )
        self._check_files(source)

    def _check_files(self, source: str | Path) -> None:
        """Refuse what lets an image be in two sections under different names, or with two labels or domains."""
        owners: dict[str, list[tuple[DatalistItem, bool]]] = {}
        for entry in self.entries:
            owners.setdefault(os.path.realpath(entry.image), []).append((entry, True))
            if entry.reference is not None:
                owners.setdefault(os.path.realpath(entry.reference), []).append((entry, False))
        groups = [[file] for file, found in owners.items() if len(found) > 1]
        for files in [*groups, *find_identical(owners)]:
            found = [owner for file in files for owner in owners[file]]
            first, first_is_image = found[0]
            for other, is_image in found[1:]:
                how = "are the same image" if first_is_image and is_image else "share a clean original"
                how = how if first_is_image == is_image else "are an image and its clean original"
                where = f"{source}: {first.file} in {first.place} and {other.file} in {other.place} {how}"
                if first.section != other.section:
                    raise InputError(f"{where}; they belong in one section")
                if first_is_image and is_image and (first.label, first.domain) != (other.label, other.domain):
                    raise InputError(f"{where}, with two labels or domains; keep one of them")


def check_classes(classes: object, source: str | Path) -> tuple[str, ...]:
    """Return `classes` as a tuple of distinct names.

    Args:
        classes: a list of names, or one string with commas between them.
        source: where they come from, to be named in messages.

    Raises:
        InputError: when they are anything else, empty or not distinct.
    """
    if isinstance(classes, str):
        classes = [name.strip() for name in classes.split(",")]
    names = tuple(classes) if isinstance(classes, Sequence) else ()
    if not names or not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise InputError(
            f"{source}: classes must be a list of distinct names such as [non-covid, covid], got {classes!r}"
        )
    return names


def label_index(label: object, classes: Sequence[str], where: str) -> int:
    """Return the index of a label that is a class name or an index already.

    Args:
        label: what was read.
        classes: class names.
        where: the source and item, to be named in messages.

    Raises:
        InputError: when the label is neither.
    """
    if isinstance(label, str) and label in classes:
        return list(classes).index(label)
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(classes):
        return label
    allowed = f"the classes {', '.join(classes)}"
    if not isinstance(label, str):
        allowed += f", nor an index from 0 to {len(classes) - 1}"
    raise InputError(f"{where}: label {label!r} is not one of {allowed}")


def _relative(path: str, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive on Windows
        return Path(path).as_posix()

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

import numpy as np

from monai_r2c.data import list_images, read_datalist
from monai_r2c.data.datalist.table import read_table
from monai_r2c.utils import InputError

POOR, RESTORED, REFERENCE = "poor", "restored", "reference"


@dataclass(frozen=True)
class StudyCase:
    """One patient's image as it is before and after the methods that a study compares.

    Args:
        name: path of the poor image as the user knows it.
        images: file by condition (``poor``, ``restored``, other methods).
        label: true class, where known.
        patient: name or number, where known.
    """

    name: str
    images: Mapping[str, Path]
    label: str | None = None
    patient: str | None = None


@dataclass(frozen=True)
class StudyCases:
    """Cases that a study can draw from.

    Args:
        cases: those that have an image of every condition.
        conditions: what is compared; the first is the poor image.
        classes: names of the classes, empty where no case has a label.
        left_out: why cases are not among them, by reason.
    """

    cases: tuple[StudyCase, ...]
    conditions: tuple[str, ...]
    classes: tuple[str, ...] = ()
    left_out: Mapping[str, int] | None = None

    def choose(self, count: int, seed: int) -> StudyCases:
        """Draw cases: at most one a patient, and as many of each class as there are, evenly.

        Args:
            count: how many.
            seed: the draw is a function of the cases and this.

        Raises:
            InputError: when there are fewer.
        """
        generator = np.random.default_rng([seed, 1])
        shuffled = [self.cases[i] for i in generator.permutation(len(self.cases))]
        patients: dict[str, StudyCase] = {}
        for number, case in enumerate(shuffled):
            patients.setdefault(case.patient or f"\0{number}", case)
        if count > len(patients):
            raise InputError(
                f"--cases {count}: there are {len(patients)} cases of different patients; give at most that"
            )
        queues: dict[str | None, list[StudyCase]] = {}
        for case in patients.values():
            queues.setdefault(case.label, []).append(case)
        chosen: list[StudyCase] = []
        while len(chosen) < count:
            for label in sorted(queues, key=str):
                if queues[label] and len(chosen) < count:
                    chosen.append(queues[label].pop())
        left_out = dict(self.left_out or {})
        for reason, number in (
            ("another image of the same patient", len(self.cases) - len(patients)),
            ("not drawn", len(patients) - count),
        ):
            if number:
                left_out[reason] = number
        return StudyCases(tuple(chosen), self.conditions, self.classes, left_out)


def cases_of_run(folder: Path, others: Mapping[str, Path], with_reference: bool = False) -> StudyCases:
    """Read the poor test images of an evaluated run, with what its restorer made of them.

    Args:
        folder: the run's output_dir, with ``datalist.json``, ``predictions.csv`` and ``restored/``.
        others: folder by name of other methods; their images are named as the restored ones, in any format.
        with_reference: whether the clean originals take part as a condition.

    Raises:
        InputError: when the run was not evaluated, or images are missing.
    """
    for name in ("datalist.json", "predictions.csv", "restored"):
        if not (folder / name).exists():
            raise InputError(f"{folder}: there is no {name}; expected the output_dir of a run that was evaluated")
    datalist = read_datalist(folder / "datalist.json", ())
    evaluated = {row["file"] for _, row in read_table(folder / "predictions.csv", ("file",), "surrogateescape")}
    entries = [entry for entry in datalist.entries if entry.file in evaluated and entry.place == "testing/poor"]
    if not entries:
        raise InputError(f"{folder}: predictions.csv holds none of the poor test images of datalist.json")
    # as the run's evaluation named the restored images
    known = [entry for entry in datalist.entries if entry.file in evaluated]
    root = Path(os.path.commonpath([str(Path(entry.image).parent) for entry in known]))
    conditions = (POOR, RESTORED, *others, *((REFERENCE,) if with_reference else ()))
    found = {name: _by_stem(path) for name, path in {RESTORED: folder / "restored", **others}.items()}
    cases, missing = [], 0
    for entry in entries:
        stem = _stem(Path(entry.image).relative_to(root))
        images = {POOR: Path(entry.image), **{name: files[stem] for name, files in found.items() if stem in files}}
        if with_reference and entry.reference:
            images[REFERENCE] = Path(entry.reference)
        if len(images) < len(conditions):
            missing += 1
            continue
        cases.append(StudyCase(entry.file, images, datalist.classes[entry.label], entry.patient))
    left_out = {"without an image of every method": missing} if missing else {}
    return _checked(StudyCases(tuple(cases), conditions, datalist.classes, left_out), folder)


def cases_of_folders(poor: Path, others: Mapping[str, Path], labels: Path | None = None) -> StudyCases:
    """Read cases from folders: the poor images, and what each method made of them under the same name.

    Args:
        poor: folder of the poor images.
        others: folder by name of each method; ``reference`` is one too.
        labels: CSV file with the columns ``file`` (relative to `poor`) and ``label``, optionally ``patient``.

    Raises:
        InputError: when a folder is missing or holds no image, or no case has an image of every method.
    """
    if not others:
        raise InputError("--method: at least one is needed beside the poor images, such as --method restored=FOLDER")
    if POOR in others:
        raise InputError("--method poor=...: give the poor images as --poor")
    files = {name: _by_stem(folder) for name, folder in {POOR: poor, **others}.items()}
    rows = {} if labels is None else {_stem(Path(row["file"])): row for _, row in read_table(labels, ("file", "label"))}
    cases = []
    for stem, path in files[POOR].items():
        images = {name: found[stem] for name, found in files.items() if stem in found}
        if len(images) == len(files) and (labels is None or stem in rows):
            row = rows.get(stem, {})
            name = path.relative_to(poor).as_posix()
            cases.append(StudyCase(name, images, row.get("label") or None, row.get("patient") or None))
    missing = len(files[POOR]) - len(cases)
    left_out = {"without an image of every method or without a label": missing} if missing else {}
    classes = tuple(sorted({case.label for case in cases if case.label}))
    return _checked(StudyCases(tuple(cases), (POOR, *others), classes, left_out), poor)


def _checked(found: StudyCases, where: Path) -> StudyCases:
    if not found.cases:
        raise InputError(f"{where}: no case has an image of each of {', '.join(found.conditions)}; names must agree")
    return found


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    images = list_images(folder)
    if not images:
        raise InputError(f"{folder}: the folder holds no radiograph")
    found: dict[str, Path] = {}
    for image in images:
        other = found.setdefault(_stem(image.relative_to(folder)), image)
        if other != image:
            raise InputError(f"{other} and {image}: differ by their suffix alone; keep one of them")
    return found


def _stem(path: Path) -> str:
    name = path.as_posix()
    for suffix in (".nii.gz", path.suffix):
        if suffix and name.lower().endswith(suffix.lower()):
            return name[: -len(suffix)]
    return name


def parse_methods(given: Sequence[str]) -> dict[str, Path]:
    """Read options of the form NAME=FOLDER.

    Raises:
        InputError: when one has another form, or a name is given twice.
    """
    methods: dict[str, Path] = {}
    for option in given:
        name, _, folder = option.partition("=")
        if not name or not folder or name in methods or ":" in name:
            raise InputError(f"--method {option}: expected NAME=FOLDER, each name once and without a colon")
        methods[name] = Path(folder)
    return methods

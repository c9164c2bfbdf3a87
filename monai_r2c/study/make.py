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
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from monai_r2c.transforms import LoadRadiograph
from monai_r2c.transforms.radiograph.dicom import MODALITIES
from monai_r2c.utils import InputError
from monai_r2c.utils.files import replaced_at_once, write_text_atomically

from .cases import StudyCases
from .design import DIAGNOSIS, SPOILT, Design, Trial
from .page import write_page
from .pixels import pack, read_case, spoil
from .protocol import protocol
from .questions import questions

FORMAT = 1
SCHEDULE = "schedule.json"
KEY = "key/key.json"
IMAGES = "images"
PAGE_LIMIT = 400 * 2**20
"""Bytes of images up to which the one-file page is written; browsers open no much larger one."""


def make_study(
    cases: StudyCases,
    design: Design,
    folder: Path,
    positive: str | None = None,
    modalities: Sequence[str] | None = MODALITIES,
) -> list[Path]:
    """Write a study's folder: the readers' page, protocol, images and schedule, and apart from them the key.

    ``page.html`` is one file with everything inside; ``schedule.json`` and ``images/`` hold the same for ``study
    serve``. All names in them are random. ``key/key.json`` alone says which image is which.

    Args:
        cases: the chosen cases.
        design: what is asked; its labels must be those of the cases.
        folder: new or empty.
        positive: the class whose finding counts as positive; default the last.
        modalities: DICOM modalities admitted; None admits any.

    Returns:
        What was written for people: page (absent when it would be too large to open), protocol and key.

    Raises:
        InputError: when the folder holds something, a diagnosis is asked without two classes, or an image is refused.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty; give a new folder to --out")
    if DIAGNOSIS in design.tasks and len({case.label for case in cases.cases} - {None}) < 2:
        raise InputError("--task diagnosis: cases of at least two classes are needed; give --labels with them")
    if positive is not None and positive not in cases.classes:
        raise InputError(f"--positive {positive}: expected one of {', '.join(cases.classes)}")
    blind = Blinding(cases, design)
    try:
        sizes = _write_images(cases, design, blind, folder / IMAGES, LoadRadiograph(modalities=modalities))
        schedule = {
            "format": FORMAT,
            "study": blind.study,
            "washout_days": design.washout_days,
            "tasks": {task: questions(cases.classes)[task] for task in design.tasks},
            "readers": blind.schedule,
        }
        key = {
            "format": FORMAT,
            "study": blind.study,
            "seed": design.seed,
            "conditions": list(design.conditions),
            "classes": list(cases.classes),
            "positive": positive or (cases.classes[-1] if cases.classes else None),
            "washout_days": design.washout_days,
            "left_out": dict(cases.left_out or {}),
            "cases": [
                {
                    "name": case.name,
                    "label": case.label,
                    "patient": case.patient,
                    "files": {name: str(path) for name, path in case.images.items()},
                    "images": {shown: name for (number, shown), name in blind.images.items() if number == i},
                }
                for i, case in enumerate(cases.cases)
            ],
            "trials": blind.trials,
        }
        text = json.dumps(schedule, indent=1, sort_keys=True) + "\n"
        write_text_atomically(folder / SCHEDULE, text)
        written = []
        if sum(sizes) <= PAGE_LIMIT:
            written.append(write_page(folder / "page.html", schedule, folder / IMAGES))
        write_text_atomically(folder / "protocol.md", protocol(design, cases))
        write_text_atomically(folder / KEY, json.dumps(key, indent=1, ensure_ascii=False) + "\n")
        (folder / KEY).parent.chmod(0o700)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return [*written, folder / "protocol.md", folder / KEY]


class Blinding:
    """Random names of images and trials, and what they stand for.

    Args:
        cases: the chosen cases.
        design: what is asked.

    Attributes:
        study: name of the study.
        images: name by case and condition.
        schedule: sittings by reader, as readers may see them.
        trials: meaning by name of the trial.
    """

    def __init__(self, cases: StudyCases, design: Design) -> None:
        # from the images themselves, so that another study has other names and nobody without them can guess
        content = hashlib.sha256(repr(design).encode())
        for case in cases.cases:
            for name in design.conditions:
                content.update(case.images[name].read_bytes())
        self.generator = np.random.default_rng([4, *content.digest()])
        self.study = self._name()
        self.images: dict[tuple[int, str], str] = {}
        self.schedule: dict[str, Any] = {}
        self.trials: dict[str, dict[str, Any]] = {}
        sittings = [(reader, design.sittings(reader)) for reader in range(design.readers)]
        wanted = {(t.case, shown) for _, found in sittings for s in found for t in s.trials for shown in t.shown}
        ordered = sorted(wanted)
        # named in random order, so that neither the names nor their order in the page follow cases or conditions
        for index in self.generator.permutation(len(ordered)).tolist():
            self.images[ordered[index]] = self._name()
        for reader, found in sittings:
            self.schedule[f"R{reader + 1}"] = {"sittings": list(self._sittings(f"R{reader + 1}", found))}

    def _name(self) -> str:
        return self.generator.bytes(8).hex()

    def _sittings(self, reader: str, found: list[Any]) -> Iterator[dict[str, Any]]:
        for number, sitting in enumerate(found):
            names = [self._name() for _ in sitting.trials]
            for name, trial in zip(names, sitting.trials):
                self.trials[name] = self._meaning(reader, number, sitting.task, trial, names)
            shown = [[self.images[trial.case, condition] for condition in trial.shown] for trial in sitting.trials]
            trials = [{"id": name, "images": images} for name, images in zip(names, shown)]
            yield {"task": sitting.task, "trials": trials}

    def _meaning(self, reader: str, sitting: int, task: str, trial: Trial, names: list[str]) -> dict[str, Any]:
        meaning: dict[str, Any] = {
            "reader": reader,
            "sitting": sitting,
            "task": task,
            "kind": trial.kind,
            "case": trial.case,
            "shown": list(trial.shown),
        }
        return meaning if trial.repeats is None else meaning | {"repeats": names[trial.repeats]}


def _write_images(cases: StudyCases, design: Design, blind: Blinding, folder: Path, load: LoadRadiograph) -> list[int]:
    sizes = []
    for number, case in enumerate(tqdm(cases.cases, unit="case", disable=None)):
        pixels = dict(zip(design.conditions, read_case([case.images[name] for name in design.conditions], load)))
        wanted = sorted(shown for index, shown in blind.images if index == number)
        shown = [
            spoil(pixels[name.removesuffix(SPOILT)], design.seed) if name.endswith(SPOILT) else pixels[name]
            for name in wanted
        ]
        for name, packed in zip(wanted, pack(shown)):
            with replaced_at_once(folder / f"{blind.images[number, name]}.bin") as partial:
                partial.write_bytes(packed)
            sizes.append(len(packed))
    return sizes

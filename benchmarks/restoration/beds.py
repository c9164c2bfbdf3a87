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
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from monai_r2c.transforms import LoadRadiograph, ResizeShortest
from monai_r2c.utils import InputError
from monai_r2c.utils.files import write_text_atomically

from .groups import check_groups, deal_patients
from .images import read_image, write_image
from .radiographs import Radiograph, check_data
from .settings import Settings

_MKL_ORDER = "MKL_CBWR"


@dataclass(frozen=True)
class BedImage:
    """An image of a bed.

    Args:
        file, reference: below the bed's folder; the reference is empty where there is none.
        group: ``poor`` and ``good`` (training), ``validation`` or ``test``.
        domain: ``poor`` or ``good``.
        patient, label: of the radiograph.
        kind: of its fault, where the bed has several.
        matched: see `Radiograph`.
        hashes: sha256 of the files, by name.
    """

    file: str
    reference: str
    group: str
    domain: str
    patient: str
    label: int
    kind: str
    matched: bool
    hashes: dict[str, str]


class Bed:
    """A test bed on disk; opening it checks every file, so that all methods see the same bytes.

    Args:
        folder: made by `make_bed`.
        settings: that it must have been made with.

    Raises:
        InputError: when the bed or an image is missing, an image has changed, a patient is in two groups, or the bed
            was made with another seed, size or fault.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder, self.name = folder, folder.name
        stated = folder / "bed.json"
        if not stated.is_file():
            raise InputError(f"{stated}: no such file; make the bed with: python -m benchmarks.restoration beds.")
        contents = json.loads(stated.read_text(encoding="utf-8"))
        for key, wanted in recipe(self.name, settings).items():
            if contents["recipe"].get(key) != wanted:
                there = contents["recipe"].get(key)
                raise InputError(f"{stated}: was made with {key} {there}, config.yaml says {wanted}; make it anew.")
        self.images = [BedImage(**image) for image in contents["images"]]
        check_groups((image.file, image.patient, image.group) for image in self.images)
        for image in self.images:
            for file, expected in image.hashes.items():
                _check_file(folder / file, expected)
        self.classes = tuple(settings.tasks[settings.task_of(self.name)])
        self.digest = _digest(self.images)

    def select(self, group: str, domain: str) -> list[BedImage]:
        return [image for image in self.images if (image.group, image.domain) == (group, domain)]

    @cached_property
    def has_references(self) -> bool:
        return all(image.reference for image in self.select("test", "poor"))

    def read(self, images: Sequence[BedImage], references: bool = False) -> torch.Tensor:
        """Images, or their references, as ``(images, 1, rows, columns)`` in [0, 1]."""
        return torch.stack([read_image(self.folder / (i.reference if references else i.file)) for i in images])

    def write_datalist(self, path: Path) -> None:
        """Write the training images as a datalist of the bundle."""
        domains = {
            domain: [
                {"image": str((self.folder / i.file).resolve()), "label": i.label, "patient": i.patient}
                for i in self.select(domain, domain)
            ]
            for domain in ("poor", "good")
        }
        nothing: dict[str, list] = {"poor": [], "good": []}
        contents = {"classes": list(self.classes), "training": domains, "validation": nothing, "testing": nothing}
        write_text_atomically(path, json.dumps(contents, indent=1))


def make_bed(name: str, data: Path, folder: Path, radiographs: Sequence[Radiograph], settings: Settings) -> Bed:
    """Write the images of a bed and ``bed.json``, which says what they are; the same bytes for the same settings.

    That holds on any processor in a process that has not used MKL before.
    """
    with _alike_on_all_processors():
        return _make_bed(name, data, folder, radiographs, settings)


@contextmanager
def _alike_on_all_processors() -> Iterator[None]:
    """Let MKL add in one order everywhere: it reads this when it is first used, and the processes after keep their own.

    Otherwise the last digit of a blur hangs on the processor, and where one photon more or less is drawn for it, the
    noise of a whole image.
    """
    before = os.environ.get(_MKL_ORDER)
    os.environ[_MKL_ORDER] = "COMPATIBLE"
    try:
        yield
    finally:
        os.environ.pop(_MKL_ORDER)
        os.environ.update({_MKL_ORDER: before} if before is not None else {})


def _make_bed(name: str, data: Path, folder: Path, radiographs: Sequence[Radiograph], settings: Settings) -> Bed:
    check_data(data, radiographs)
    groups = deal_patients(radiographs, settings.groups, settings.seed)
    faults = settings.faults_of(name)
    trained_on = "learn_from" not in settings.bed(name)
    images = [
        _make_image(number, radiograph, domain, groups[radiograph.patient], faults, data, folder, settings)
        for number, radiograph in enumerate(radiographs)
        if trained_on or groups[radiograph.patient] in ("validation", "test")
        for domain in _domains(radiograph, groups[radiograph.patient], faults is None)
    ]
    contents = {"recipe": recipe(name, settings), "images": [asdict(image) for image in images]}
    write_text_atomically(folder / "bed.json", json.dumps(contents, indent=1) + "\n")
    return Bed(folder, settings)


def recipe(name: str, settings: Settings) -> dict[str, Any]:
    """What the bytes of a bed depend on beside the radiographs."""
    faults = settings.bed(name)["faults"]
    blend = None if faults is None else settings.blends[faults.split("#")[-1]]
    stated = {"seed": settings.seed, "size": settings.size, "groups": settings.groups, "faults": blend}
    return stated | {key: value for key, value in settings.bed(name).items() if key == "task"}


def _domains(radiograph: Radiograph, group: str, real: bool) -> list[str]:
    """In which domains of a bed a radiograph stands."""
    sharp = radiograph.quality == "good" or (radiograph.quality == "mid" and group in ("poor", "good"))
    if real:
        poor = radiograph.quality == "poor" and group != "good"
        return ["poor"] * poor + ["good"] * (sharp and group != "poor")
    if not sharp:
        return []
    return {"poor": ["poor"], "good": ["good"]}.get(group, ["poor"])


def _make_image(
    number: int,
    radiograph: Radiograph,
    domain: str,
    group: str,
    faults: dict[str, Compose] | None,
    data: Path,
    folder: Path,
    settings: Settings,
) -> BedImage:
    clean = ResizeShortest(settings.size)(LoadRadiograph()(data / radiograph.file)).as_tensor().clamp(0, 1)
    name = f"{Path(radiograph.file).stem}.png"
    file, reference, kind = f"{group}/{domain}/{name}", "", ""
    if domain == "poor" and faults is not None:
        reference = f"{group}/reference/{name}"
        write_image(folder / reference, clean)
        kind = list(faults)[number % len(faults)]
        transform = faults[kind]
        stream = np.random.SeedSequence(settings.seed, spawn_key=(_number(folder.name), number))
        transform.set_random_state(seed=int(stream.generate_state(1)[0]))
        clean = transform({"image": clean})["image"]
    write_image(folder / file, clean)
    files = [name for name in (file, reference) if name]
    return BedImage(
        file=file,
        reference=reference,
        group=group,
        domain=domain,
        patient=radiograph.patient,
        label=settings.tasks[settings.task_of(folder.name)].index(radiograph.label),
        kind=kind,
        matched=radiograph.matched == "1",
        hashes={name: _hash(folder / name) for name in files},
    )


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such file; make the bed anew.")
    if _hash(path) != expected:
        raise InputError(f"{path}: has changed since the bed was made; make the bed anew.")


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(images: Sequence[BedImage]) -> str:
    parts = sorted(f"{file} {value}" for image in images for file, value in image.hashes.items())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

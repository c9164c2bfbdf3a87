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
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from benchmarks.restoration.images import read_image, write_image
from benchmarks.restoration.settings import read_settings
from monai_r2c.data import PhantomChest, with_edges
from monai_r2c.transforms import (
    LoadRadiograph,
    RandCompressiond,
    RandContrastLossd,
    RandExposured,
    RandQuantumNoised,
    RandToneCurved,
)
from monai_r2c.utils import InputError

BLENDS = ("known", "unknown")
"""Beds of `benchmarks/restoration` whose faults the radiographs get."""
EDGES, LARGE = "edges", "large"
SEED = 0
_EDGE_PHANTOMS, _LARGE_PHANTOMS = 4, 2
_EDGE_SIZE, _LARGE_SIZE = 1024, 3072
_COMMON: dict[str, Any] = {"keys": "image", "prob": 1.0}
NOT_BLUR: dict[str, Callable[[], Any]] = {
    "noise": lambda: RandQuantumNoised(photons=400.0, **_COMMON),
    "scatter": lambda: RandContrastLossd(scatter_fraction=0.5, **_COMMON),
    "exposure": lambda: RandExposured(stops=0.7, **_COMMON),
    "tone": lambda: RandToneCurved(gamma=1.4, **_COMMON),
    "compression": lambda: RandCompressiond(quality=40, **_COMMON),
}
"""Faults that leave sharpness alone, each of one severity; those of the phantoms with edges."""


@dataclass(frozen=True)
class Case:
    """A clean image and the fault that makes it poor.

    Args:
        name: its own in its bed.
        group: patient, or phantom.
        kind: of the fault.
        clean: gives ``(1, rows, columns)`` in [0, 1].
        fault: a transform of dictionaries.
        number: of the stream that its fault is drawn from.
        has_edges: whether there are edges at `monai_r2c.data.edges_of`.
    """

    name: str
    group: str
    kind: str
    clean: Callable[[], torch.Tensor]
    fault: Any
    number: int
    has_edges: bool = False

    def pair(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The clean and the poor image, as 16 bits hold them; the same at every call."""
        clean = _rounded(self.clean())
        stream = np.random.SeedSequence(SEED, spawn_key=(self.number,))
        self.fault.set_random_state(seed=int(stream.generate_state(1)[0]))
        poor = torch.as_tensor(self.fault({"image": clean.clone()})["image"]).as_subclass(torch.Tensor)
        return clean, _rounded(poor.float().clamp(0, 1))


def cases_of(bed: str, data: Path, work: Path) -> list[Case]:
    """The cases of a bed.

    Args:
        bed: one of `BLENDS` (radiographs), `EDGES` or `LARGE` (phantoms).
        data: folder that holds ``native/``.
        work: folder for phantoms, which take a minute each to draw.

    Raises:
        InputError: when the radiographs are not there.
    """
    if bed in BLENDS:
        fault = blend(bed)
        return [
            Case(path.stem, patient, bed, partial(read_radiograph, path), fault, number)
            for number, (path, patient) in enumerate(_radiographs(data))
        ]
    size, count = (_EDGE_SIZE, _EDGE_PHANTOMS) if bed == EDGES else (_LARGE_SIZE, _LARGE_PHANTOMS)
    faults = {kind: make() for kind, make in NOT_BLUR.items()} if bed == EDGES else {b: blend(b) for b in BLENDS}
    return [
        Case(f"phantom-{p}-{kind}", f"phantom-{p}", kind, partial(_phantom, work, size, p), fault, p * 10 + n, True)
        for p in range(count)
        for n, (kind, fault) in enumerate(faults.items())
    ]


def blend(bed: str) -> Compose:
    (fault,) = (read_settings().faults_of(bed) or {}).values()
    return fault


def _radiographs(data: Path) -> list[tuple[Path, str]]:
    """Files of the test split and their patients."""
    manifest = data / "native/manifest.csv"
    if not manifest.is_file():
        raise InputError(f"{manifest}: no such file; --data must be the folder that holds native/.")
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = sorted((row for row in csv.DictReader(file) if row["split"] == "test"), key=lambda row: row["file"])
    return [(data / "native" / row["file"], row["patient_id"]) for row in rows]


def read_radiograph(path: Path) -> torch.Tensor:
    return torch.as_tensor(LoadRadiograph()(path)).as_subclass(torch.Tensor)


def _phantom(work: Path, size: int, number: int) -> torch.Tensor:
    path = work / "phantoms" / f"{size}-{number}.png"
    if not path.is_file():
        film = with_edges(PhantomChest(SEED, number, opacities=bool(number % 2), size=size).radiograph())
        partial_path = path.with_name(f"partial-{os.getpid()}-{path.name}")
        write_image(partial_path, torch.from_numpy(film)[None])
        partial_path.rename(path)
    return read_image(path)


def _rounded(image: torch.Tensor) -> torch.Tensor:
    return (image * 65535).round() / 65535

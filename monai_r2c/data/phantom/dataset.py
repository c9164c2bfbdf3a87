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

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from monai_r2c.transforms.degradation import RandPoorQuality
from monai_r2c.utils import InputError
from monai_r2c.utils.files import csv_text, named_in_errors, write_text_atomically

from .radiograph import PhantomChest

CLASSES = ("non-covid", "covid")
DOMAINS = ("poor", "good")
SECTIONS = ("train", "validation", "test")


@dataclass(frozen=True)
class _Item:
    section: str
    domain: str
    number: int

    @property
    def file(self) -> str:
        return f"{self.section}/{self.domain}/{self.number:04d}.png"

    @property
    def reference(self) -> str:
        has_reference = self.domain == "poor" and self.section != "train"
        return f"{self.section}/clean/{self.number:04d}.png" if has_reference else ""

    @property
    def opacities(self) -> bool:
        return self.number % 2 == 1

    @property
    def index(self) -> int:
        """Differs for every image of a set, and does not depend on how many there are."""
        sets = len(SECTIONS) * len(DOMAINS)
        return sets * self.number + len(DOMAINS) * SECTIONS.index(self.section) + DOMAINS.index(self.domain)


def write_phantom_dataset(
    out: str | Path, counts: Mapping[str, int], *, size: int = 128, seed: int = 0, progress: bool = False
) -> int:
    """Write a set of phantom radiographs: ``{train,validation,test}/{poor,good}/NNNN.png`` and ``labels.csv``.

    Half of each domain are covid (ground-glass opacities), half non-covid. No two images share an anatomy, so the
    domains are unpaired; the clean originals of the poor images of validation and test lie in
    ``{validation,test}/clean``, and ``labels.csv`` (header ``file,label,reference``) names them. Each image depends
    on the seed and its own name alone.

    Args:
        out: folder to make; it may exist, empty.
        counts: images per domain for "train", "validation" and "test", each at least 2.
        size: rows and columns, 32 to 1024 pixels.
        seed: of all random choices, at least 0.
        progress: show a bar where there is a terminal.

    Returns:
        Number of images written.

    Raises:
        InputError: when `out` is a file or not empty, or a number is out of range.
    """
    out = Path(out)
    _check(out, counts, size, seed)
    # complete or absent: an interrupted run leaves only the folder that the next run clears
    unfinished = out.with_name(out.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    written = 0
    rows = []
    total = len(DOMAINS) * sum(counts[section] for section in SECTIONS)
    for item in tqdm(_items(counts), total=total, unit="image", disable=None if progress else True):
        film = PhantomChest(seed, item.index, item.opacities, size).radiograph()
        if item.reference:
            _save(film, unfinished / item.reference)
        _save(_make_poor(film, seed, item.index) if item.domain == "poor" else film, unfinished / item.file)
        rows.append((item.file, CLASSES[item.opacities], item.reference))
        written += 2 if item.reference else 1
    labels = unfinished / "labels.csv"
    write_text_atomically(labels, csv_text([("file", "label", "reference"), *rows]))
    if out.exists():
        out.rmdir()
    unfinished.rename(out)
    return written


def _make_poor(film: np.ndarray, seed: int, index: int) -> np.ndarray:
    # RandomState takes several numbers as one seed
    state = np.random.RandomState([seed % 2**32, index % 2**32])
    degrade = RandPoorQuality(prob=1.0).set_random_state(state=state)
    return degrade(torch.from_numpy(film)[None])[0].numpy()


def _save(film: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with named_in_errors(path):
        Image.fromarray(np.rint(255 * film).astype(np.uint8)).save(path)


def _items(counts: Mapping[str, int]) -> Iterator[_Item]:
    for section in SECTIONS:
        for domain in DOMAINS:
            for number in range(counts[section]):
                yield _Item(section, domain, number)


def _check(out: Path, counts: Mapping[str, int], size: int, seed: int) -> None:
    if set(counts) != set(SECTIONS):
        raise InputError(f"counts: give a number for each of {', '.join(SECTIONS)}, got {', '.join(counts) or 'none'}.")
    for section, count in counts.items():
        if not 2 <= count <= 9999:
            raise InputError(f"{section}: the images per domain must be 2 to 9999 (both classes), got {count}.")
    if not 32 <= size <= 1024:
        raise InputError(f"size: must be 32 to 1024 pixels, got {size}.")
    if not 0 <= seed < 2**32:
        raise InputError(f"seed: must be in [0, 2^32), got {seed}.")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; give a new or empty folder.")
    if out.is_dir() and any(out.iterdir()):
        raise InputError(
            f"{out}: is not empty, and phantoms are not mixed with other files; give a new or empty folder."
        )

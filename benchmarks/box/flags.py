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

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import skimage.data
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks.restoration.settings import read_settings
from monai_r2c.metrics import fit_familiarity, unfamiliarity
from monai_r2c.metrics.restoration_check import RestorationCheck
from monai_r2c.transforms import RandWidePoorQuality
from monai_r2c.utils import InputError

from .images import HANNOVER, NIH, Restorer, Row, degraded, read

_SIDE, _TURNED = 256, 60
# chest radiographs among the DICOM samples; the others are limbs, slices, animals, or shown as negatives
_CHESTS = ("cr_chest_mono1_15bit_j2k", "cr_chest_mono2_8bit_jpeg", "dx_chest_mono2_8bit_implicit", "derived_dx_chest")
_PHOTOGRAPHS = (
    "astronaut brick camera cell chelsea coffee coins color grass gravel horse hubble_deep_field microaneurysms moon "
    "page retina rocket text"
)
_SLICES = ("CT_small.dcm", "MR_small.dcm", "693_J2KI.dcm", "image_dfl.dcm", "JPEG2000.dcm")


def flag_rates(rows: Sequence[Row], restorer: Restorer, data: Path, more: Mapping[str, Path]) -> dict[str, Any]:
    """Share of images that are called unfamiliar, by what they are.

    Args:
        rows: of the collection.
        restorer: whose model file has statistics.
        data: folder with ``cxr/`` and ``dicom/``.
        more: further folders of images that are no chest radiographs, by name.
    """
    check = RestorationCheck.of_statistics(restorer.settings.statistics)
    if check is None:
        raise InputError(f"{restorer.path}: holds no statistics; python -m monai_r2c familiarity adds them.")
    model = check.familiarity
    tests = [read(row.path) for row in rows if (row.source, row.split) == (NIH, "test")]
    others = [read(row.path) for row in rows if row.source == HANNOVER]
    unknown = list(read_settings().blend("unknown").values())
    chests = {
        "test images of the training source": tests,
        "test images of the training source with unknown faults": degraded(tests, unknown, 1),
        "the other source, which set the limit": others,
        "the other source with unknown faults": degraded(others, unknown, 2),
        "DICOM chest radiographs of further sources": [
            read(path) for path in sorted((data / "dicom").glob("*.dcm")) if path.name.startswith(_CHESTS)
        ],
    }
    print("flags: chests read", flush=True)
    strange = {**_turned(tests[:_TURNED]), **_made(), **_others(data), **{n: _folder(p) for n, p in more.items()}}
    found: dict[str, Any] = {"limit_from": model.unseen, "training_images": model.images, "rates": {}}
    for is_chest, groups in ((True, chests), (False, strange)):
        for name, images in groups.items():
            scores = np.array([unfamiliarity(image, model) for image in images])
            found["rates"][name] = {
                "chest": is_chest,
                "count": len(scores),
                "flagged": float((scores > 1).mean()),
                "median": float(np.median(scores)),
                "least": float(scores.min()),
                "most": float(scores.max()),
            }
    found["halves"] = _halves(rows)
    return found


def _halves(rows: Sequence[Row]) -> dict[str, float]:
    """Share of half of the other source's patients that is flagged when the other half sets the limit."""
    ours = [row for row in rows if (row.source, row.split) == (NIH, "train")]
    images = [read(row.path) for row in ours]
    degrade = RandWidePoorQuality(prob=1.0)
    degrade.set_random_state(seed=0)
    poor = [torch.as_tensor(degrade(image)).as_subclass(torch.Tensor).clamp(0, 1) for image in images]
    others = [row for row in rows if row.source == HANNOVER]
    patients = {patient: number for number, patient in enumerate(sorted({row.patient for row in others}))}
    halves = [[read(row.path) for row in others if patients[row.patient] % 2 == half] for half in (0, 1)]
    found, count = 0.0, 0
    for half in (0, 1):
        model = fit_familiarity([*images, *poor], unseen=halves[half])
        found += sum(unfamiliarity(image, model) > 1 for image in halves[1 - half])
        count += len(halves[1 - half])
    without = fit_familiarity([*images, *poor], [*(row.patient for row in ours), *(row.patient for row in ours)])
    all_others = [*halves[0], *halves[1]]
    alone = sum(unfamiliarity(image, without) > 1 for image in all_others) / len(all_others)
    return {"flagged": found / count, "count": count, "flagged_without_unseen": alone}


def _turned(images: Sequence[torch.Tensor]) -> dict[str, list[torch.Tensor]]:
    turned = {f"chest turned by {90 * k} degrees": [torch.rot90(i, k, (1, 2)) for i in images] for k in (1, 2, 3)}
    half = _SIDE // 2
    shuffled = [torch.roll(image, (half, half), (1, 2)) for image in images]
    return {**turned, "negatives of chests": [1 - i for i in images], "chest in four, exchanged": shuffled}


def _made() -> dict[str, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    noise = [torch.rand(1, _SIDE, _SIDE, generator=generator) for _ in range(10)]
    coarse = [
        F.interpolate(torch.rand(1, 1, 16 * 2**k, 16 * 2**k, generator=generator), (_SIDE, _SIDE))[0] for k in range(4)
    ]
    ramp = torch.linspace(0, 1, _SIDE).expand(1, _SIDE, _SIDE)
    blank = [torch.full((1, _SIDE, _SIDE), value) for value in (0.0, 0.5, 1.0)]
    return {"noise": [*noise, *coarse], "blank images and ramps": [*blank, ramp, ramp.mT]}


def _others(data: Path) -> dict[str, list[torch.Tensor]]:
    folder = Path(skimage.data.__file__).parent
    photographs = [_photograph(path) for path in sorted(folder.iterdir()) if path.stem in _PHOTOGRAPHS.split()]
    slices = Path(pydicom.data.__file__).parent / "test_files"
    dicom = data / "dicom"
    return {
        "photographs (scikit-image)": photographs,
        "CT and MR slices (pydicom)": [read(slices / name) for name in _SLICES if (slices / name).is_file()],
        "a dog's thorax": [read(dicom / "dx_dog_thorax_mono1_8bit.dcm")],
        "a chest tagged as its negative": [read(dicom / "cr_chest_mono1_8bit_jpeg_tagonly.dcm")],
    }


def _photograph(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        return torch.from_numpy(np.asarray(image.convert("L"), dtype=np.float32) / 255)[None]


def _folder(path: Path) -> list[torch.Tensor]:
    return [read(file) for file in sorted(path.iterdir()) if file.is_file()]

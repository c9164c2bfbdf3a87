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

"""What a stage of the training is judged by before any test image is looked at: validation images as other hospitals
might have them, images that one has, phantoms, and images of full size.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.native.cases import BLENDS, Case, blend, read_radiograph
from benchmarks.native.methods import Models, make_method
from benchmarks.restoration.groups import deal_patients
from benchmarks.restoration.radiographs import read_list
from benchmarks.restoration.scores import psnr
from monai_r2c.data import PhantomChest, read_datalist
from monai_r2c.metrics import ssim_at_scales
from monai_r2c.transforms import RandLocalContrast, RandToneCurve, ResizeShortest

from .datalist import SEED, SHARES, SIZE
from .images import HANNOVER, read_rows

LOOKS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "as they are": None,
    "lighter": RandToneCurve(gamma=0.75, prob=1.0),
    "darker": RandToneCurve(gamma=1.33, prob=1.0),
    "softer": RandLocalContrast(factor=0.65, spread=0.05, prob=1.0),
    "harder": RandLocalContrast(factor=1.5, spread=0.05, prob=1.0),
}
"""Of originals of 256 pixels: in other tones and local contrasts, as other vendors' processing shows them."""
PHANTOMS, ANOTHER, NATIVE = "phantoms", "of another hospital", "of full size"
_PHANTOM_SEED, _PHANTOM_COUNT = 77, 12
_FIRST = 1000  # number of the first case's stream; the test images have those from 0


def validation_cases(data: Path, datalist: Path) -> dict[str, dict[str, list[Case]]]:
    """Cases by original and blend of faults.

    Args:
        data: folder that holds ``cxr/`` and ``native/``. The other hospital is Hannover: the good images that its split
            calls training, which this model is never trained on.
        datalist: of the training, as `benchmarks.box.datalist` wrote it.
    """
    images = [
        (Path(item["reference"]), str(item["patient"])) for item in read_datalist(datalist).items("validation", "poor")
    ]
    originals = {
        name: [(path.stem, patient, partial(_seen, path, look)) for path, patient in images]
        for name, look in LOOKS.items()
    }
    originals[PHANTOMS] = [(f"phantom-{n}", f"phantom-{n}", partial(_phantom, n)) for n in range(_PHANTOM_COUNT)]
    elsewhere = [row for row in read_rows(data) if (row.source, row.quality, row.split) == (HANNOVER, "good", "train")]
    originals[ANOTHER] = [(row.path.stem, row.patient, partial(_seen, row.path, None)) for row in elsewhere]
    originals[NATIVE] = [(path.stem, patient, partial(read_radiograph, path)) for path, patient in _native_images(data)]
    return {
        name: {
            bed: [
                Case(stem, patient, bed, clean, blend(bed), _FIRST + number)
                for number, (stem, patient, clean) in enumerate(listed)
            ]
            for bed in BLENDS
        }
        for name, listed in originals.items()
    }


def score_on_validation(model: Path, cases: dict[str, dict[str, list[Case]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean PSNR in dB of the poor and of the restored images, and SSIM of the latter, by original and blend."""
    method = make_method("model", BLENDS[0], Models(native=model))
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, beds in cases.items():
        for bed, listed in beds.items():
            rows = []
            for case in listed:
                clean, poor = case.pair()
                restored = method.apply(poor)
                ssim = float(ssim_at_scales(restored[None], clean[None])[1])
                rows.append((psnr(poor, clean), psnr(restored, clean), ssim))
            means = (round(float(value), 4) for value in np.mean(rows, 0))
            found.setdefault(name, {})[bed] = {"images": len(rows), **dict(zip(("psnr_poor", "psnr", "ssim"), means))}
    return found


def table(found: dict[str, dict[str, dict[str, dict[str, float]]]]) -> str:
    """Scores of models by name, side by side, of both blends: PSNR in dB and SSIM."""
    lines = ["| originals | poor | " + " | ".join(found) + " |", "| --- " * (len(found) + 2) + "|"]
    for name, beds in next(iter(found.values())).items():
        cells = [", ".join(f"{beds[bed]['psnr_poor']:.1f}" for bed in BLENDS)]
        for model in found.values():
            pairs = [(model[name][bed]["psnr"], model[name][bed]["ssim"]) for bed in BLENDS]
            cells.append(", ".join(f"{a:.2f}" for a, _ in pairs) + "; " + ", ".join(f"{b:.3f}" for _, b in pairs))
        lines.append(f"| {beds[BLENDS[0]]['images']} {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _native_images(data: Path) -> list[tuple[Path, str]]:
    groups = deal_patients(read_list(), SHARES, SEED)
    with (data / "native/manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted((row for row in csv.DictReader(file) if row["split"] == "train"), key=lambda row: row["file"])
    return [
        (data / "native" / row["file"], row["patient_id"])
        for row in rows
        if groups.get(row["patient_id"]) == "validation"
    ]


def _seen(path: Path, look: Callable[[torch.Tensor], torch.Tensor] | None) -> torch.Tensor:
    image = torch.as_tensor(ResizeShortest(SIZE)(read_radiograph(path).clamp(0, 1))).as_subclass(torch.Tensor)
    return image.clamp(0, 1) if look is None else look(image.clamp(0, 1)).clamp(0, 1)


def _phantom(number: int) -> torch.Tensor:
    film = PhantomChest(_PHANTOM_SEED, number, opacities=bool(number % 2), size=SIZE).radiograph()
    return torch.from_numpy(film)[None].float()

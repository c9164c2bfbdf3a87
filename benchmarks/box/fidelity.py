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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose

from benchmarks.restoration.scores import GoodLook, psnr, score_image, ssim
from benchmarks.restoration.settings import read_settings
from monai_r2c.inferers import with_tone_of
from monai_r2c.metrics import bootstrap_intervals
from monai_r2c.metrics.restoration_check import RestorationCheck
from monai_r2c.transforms import RandContrastLossd, RandQuantumNoised, RandRadiographBlurd

from .images import HANNOVER, NIH, Restorer, Row, degrade, degraded, read

SEVERITIES: dict[str, tuple[str, tuple[float, ...]]] = {
    "photons": ("dose, photons a pixel", (3000.0, 1200.0, 500.0, 200.0, 80.0)),
    "focal_sigma": ("blur, sigma in pixels", (0.5, 1.0, 1.5, 2.0, 3.0)),
    "scatter_fraction": ("scatter fraction", (0.1, 0.25, 0.4, 0.55, 0.7)),
}
_BEDS = {"known": "default", "unknown": "unknown", "foreign": "foreign"}
_SHOWN = ("psnr", "ssim", "ms_ssim", "line_psnr", "line_ssim", "detail_snr", "niqe", "gradient")
_REAL_IMAGES, _NATIVE_IMAGES, _SEVERITY_IMAGES, _WORST = 60, 16, 20, 10


def evaluate_beds(
    rows: Sequence[Row], restorer: Restorer, data: Path, most: int | None = None, seed: int = 0
) -> dict[str, Any]:
    """Score restoration of test images of both sources under the faults of the benchmark, and of really poor ones.

    NIH test images are of patients who are not in training; Hannover is a source that is not. `most` limits the
    images of a bed, to try.
    """
    train = [row for row in rows if (row.source, row.split, row.quality) == (NIH, "train", "good")][:200]
    look = GoodLook.of(torch.stack([read(row.path) for row in train]), patch=64)
    found: dict[str, Any] = {}
    for source in (NIH, HANNOVER):
        ours = [row for row in rows if row.source == source and (row.split == "test" or source == HANNOVER)]
        good = [row for row in ours if row.quality == "good"][:most]
        originals = [read(row.path) for row in good]
        for bed in _BEDS:
            print(f"{source} {bed}: {len(good)} images", flush=True)
            poor = degraded(originals, _faults(bed), seed)
            found[f"{bed}_{source}"] = _score(good, poor, originals, restorer, look)
        real = [row for row in ours if row.quality == "poor"][: most or _REAL_IMAGES]
        print(f"{source} real: {len(real)} images", flush=True)
        found[f"real_{source}"] = _score(real, [read(row.path) for row in real], None, restorer, look)
    native = _native_rows(data)[:most]
    print(f"native: {len(native)} images", flush=True)
    originals = [read(row.path) for row in native]
    poor = degraded(originals, _faults("unknown"), seed)
    found["unknown_native"] = _score(native, poor, originals, restorer, look)
    return found


def gain_by_severity(rows: Sequence[Row], restorer: Restorer, most: int | None = None, seed: int = 0) -> dict[str, Any]:
    """SSIM and PSNR before and after, for each single fault at five severities."""
    good = [row for row in rows if (row.source, row.split, row.quality) == (NIH, "test", "good")]
    good = good[: most or _SEVERITY_IMAGES]
    originals = [read(row.path) for row in good]
    found: dict[str, Any] = {}
    for name, (title, values) in SEVERITIES.items():
        print(f"severity: {name}", flush=True)
        points = []
        for value in values:
            poor = degraded(originals, [_single(name, value)], seed)
            scores = _score(good, poor, originals, restorer, None)["scores"]
            points.append({"value": value, **{key: scores[key]["mean"] for key in scores}})
        found[name] = {"title": title, "images": len(good), "points": points}
    return found


def worst(beds: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Bed and file of the ten test images that restoration gained least SSIM for."""
    rows = [
        (after - before, bed, file)
        for bed in ("known_nih", "unknown_nih", "foreign_nih")
        for file, before, after in zip(
            beds[bed]["files"], beds[bed]["images"]["ssim"], beds[bed]["images"]["ssim_restored"]
        )
    ]
    return [(bed, file) for _, bed, file in sorted(rows)[:_WORST]]


def poor_of(bed: str, file: str, beds: Mapping[str, Any], rows: Sequence[Row], seed: int = 0) -> list[torch.Tensor]:
    """The poor image of a bed and its original, made again."""
    number = beds[bed]["files"].index(file)
    original = read(next(row.path for row in rows if row.path.name == file))
    return [degrade(original, _faults(bed.split("_")[0]), number, seed), original]


def gradient(image: torch.Tensor) -> float:
    """Mean length of the gradient of ``(1, rows, columns)``."""
    across, down = image[0, :-1, 1:] - image[0, :-1, :-1], image[0, 1:, :-1] - image[0, :-1, :-1]
    return float(torch.hypot(across, down).mean())


def _score(
    rows: Sequence[Row],
    poor: Sequence[torch.Tensor],
    originals: Sequence[torch.Tensor] | None,
    restorer: Restorer,
    look: GoodLook | None,
) -> dict[str, Any]:
    check = RestorationCheck.of_statistics(restorer.settings.statistics)
    table: dict[str, list[float]] = {}
    flags = []
    for number, image in enumerate(poor):
        restored = restorer(image)[0]
        for suffix, shown in (("", image), ("_restored", restored)):
            reference = None if originals is None else originals[number]
            scores = _quick(shown, reference) if look is None else score_image(shown, reference, look)
            if reference is not None:
                scores["gradient"] = gradient(shown) / gradient(reference)
            for name in _SHOWN:
                if name in scores:
                    table.setdefault(name + suffix, []).append(scores[name])
        if originals is not None:
            kept = with_tone_of(2 * restored[None] - 1, 2 * image[None] - 1)[0]
            for name, value in _quick((kept + 1) / 2, originals[number]).items():
                table.setdefault(f"{name}_tone_kept", []).append(value)
        flags.append(check(image, restored)["flags"] if check is not None and look is not None else "")
    for name in [name for name in table if f"{name}_restored" in table]:
        table[f"{name}_gain"] = [b - a for a, b in zip(table[name], table[f"{name}_restored"])]
    numbers = {patient: number for number, patient in enumerate(sorted({row.patient for row in rows}))}
    groups = [numbers[row.patient] for row in rows]
    values = {name: np.array(column) for name, column in table.items()}
    intervals = bootstrap_intervals(lambda chosen: {n: _mean(v[chosen]) for n, v in values.items()}, groups)
    shares = {flag: float(np.mean([flag in f.split("|") for f in flags])) for flag in ("unfamiliar", "worse")}
    return {
        "count": len(rows),
        "patients": len(numbers),
        "scores": {n: {"mean": _mean(v), "low": intervals[n][0], "high": intervals[n][1]} for n, v in values.items()},
        "flagged": shares,
        "files": [row.path.name for row in rows],
        "images": {name: table[name] for name in ("ssim", "ssim_restored") if name in table},
    }


def _quick(image: torch.Tensor, reference: torch.Tensor | None) -> dict[str, float]:
    assert reference is not None
    return {"psnr": psnr(image, reference), "ssim": ssim(image, reference)}


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _faults(bed: str) -> list[Compose]:
    return list(read_settings().blend(_BEDS[bed]).values())


def _single(name: str, value: float) -> Compose:
    common: dict[str, Any] = {"keys": "image", "prob": 1.0}
    if name == "photons":
        return Compose([RandQuantumNoised(photons=value, **common)])
    if name == "focal_sigma":
        return Compose([RandRadiographBlurd(focal_sigma=value, motion=0.0, **common)])
    return Compose([RandContrastLossd(scatter_fraction=value, **common)])


def _native_rows(data: Path) -> list[Row]:
    manifest = data / "native/manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"][:_NATIVE_IMAGES]
    return [Row(data / "native" / r["file"], NIH, "test", "good", r["patient_id"], None, False) for r in rows]

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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_r2c.metrics import bootstrap_intervals

from .cases import BLENDS, EDGES, LARGE, NOT_BLUR
from .methods import OURS, TITLES

_COLUMNS = {
    "psnr": ("PSNR, dB", 2),
    "line_psnr": ("after the line, dB", 2),
    "ssim": ("SSIM", 3),
    "ssim_2": ("at 1/2", 3),
    "ssim_4": ("at 1/4", 3),
    "ssim_8": ("at 1/8", 3),
    "ms_ssim": ("MS-SSIM", 3),
    "error_coarse": ("coarse error", 2),
    "error_fine": ("fine error", 2),
}
_COMPARED = ("psnr", "ssim")
_BEDS = {
    "known": "Radiographs of 1024 x 1024 pixels, faults drawn as the trainings' default draws them",
    "unknown": "Radiographs of 1024 x 1024 pixels, heavier faults and two other kinds",
    LARGE: "Phantoms of 3072 x 3072 pixels, both blends of faults",
}
_NOT_YET = "No results yet.\n"

Scores = dict[str, Any]


def tables(results: Path) -> str:
    """Markdown of all results of a folder."""
    parts = [] if results.is_dir() else [_NOT_YET]
    for bed, title in _BEDS.items():
        found = _read(results / bed)
        if found:
            parts += [f"### {title}\n", _scores(found), _differences(found) if bed in BLENDS and len(found) > 1 else ""]
    edges = _read(results / EDGES)
    if edges:
        parts += [
            "### What is left of sharpness where the fault is not blur\n",
            "Edges of 5 degrees on phantoms of 1024 x 1024 pixels: MTF at half Nyquist's frequency relative to the\n"
            "clean image's, mean over phantoms and both directions. 1 keeps all sharpness; above 1 edges are\n"
            "overdrawn, or noise is left.\n",
            _edges(edges),
        ]
    costs = results / "costs.json"
    if costs.is_file():
        parts += ["### What it costs\n", _costs(json.loads(costs.read_text(encoding="utf-8")))]
    return "\n".join(part for part in parts if part)


def _read(folder: Path) -> dict[str, Scores]:
    """Scores by method and image, of the images that all methods have."""
    found = {}
    for name in TITLES:
        path = folder / f"{name}.json"
        if path.is_file():
            found[name] = json.loads(path.read_text(encoding="utf-8"))["images"]
    shared = [image for image in next(iter(found.values()), {}) if all(image in images for images in found.values())]
    return {name: {image: images[image] for image in shared} for name, images in found.items() if shared}


def _column(images: Scores, score: str) -> np.ndarray:
    return np.array([row["scores"][score] for row in images.values()])


def _scores(found: Mapping[str, Scores]) -> str:
    poor = found["poor"]
    header = ["", *(title for title, _ in _COLUMNS.values()), "better by PSNR", "better by SSIM"]
    rows = []
    for name, images in found.items():
        cells = [f"{_column(images, score).mean():.{digits}f}" for score, (_, digits) in _COLUMNS.items()]
        shares = [f"{(_column(images, score) > _column(poor, score)).mean():.0%}" for score in _COMPARED]
        rows.append([TITLES[name], *cells, *(shares if name != "poor" else ["", ""])])
    count = f"Means over {len(poor)} images of {len({row['group'] for row in poor.values()})} patients or phantoms.\n"
    return f"{count}\n{_table(header, rows)}"


def _differences(found: Mapping[str, Scores]) -> str:
    """What the native model gains over each other method, or today's way over the rest while there is none."""
    ours = next(name for name in (OURS, "trained", *reversed(found)) if name in found)
    rows = []
    for name, images in found.items():
        if name != ours:
            gains = {score: _column(found[ours], score) - _column(images, score) for score in _COMPARED}
            rows.append([TITLES[name], *(_gain(gains[score], images, _COLUMNS[score][1]) for score in _COMPARED)])
    title = f"What “{TITLES[ours]}” gains over the others, with 95 % intervals over patients:\n"
    return f"{title}\n{_table(['over', 'PSNR, dB', 'SSIM'], rows)}"


def _gain(gains: np.ndarray, images: Scores, digits: int) -> str:
    names = {group: number for number, group in enumerate(sorted({row["group"] for row in images.values()}))}
    groups = [names[row["group"]] for row in images.values()]
    low, high = bootstrap_intervals(lambda chosen: {"mean": float(gains[chosen].mean())}, groups)["mean"]
    return f"{gains.mean():+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def _edges(found: Mapping[str, Scores]) -> str:
    kinds = [kind for kind in NOT_BLUR if any(row["kind"] == kind for row in found["poor"].values())]
    rows = []
    for name, images in found.items():
        kept = {
            kind: np.mean([row["scores"]["mtf"] for row in images.values() if row["kind"] == kind]) for kind in kinds
        }
        rows.append([TITLES[name], *(f"{kept[kind]:.2f}" for kind in kinds)])
    return _table(["", *kinds], rows)


def _costs(costs: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [TITLES[name], f"{row['megapixels_per_second']:.2f}", f"{row['peak_mib'] / 1024:.1f}"]
        for name, row in costs.items()
    ]
    note = "One image of 3072 x 3072 pixels on two threads, the process's whole memory.\n"
    return f"{note}\n{_table(['', 'megapixels a second', 'peak memory, GiB'], rows)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(header), ["---", *("---:" for _ in header[1:])], *map(list, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

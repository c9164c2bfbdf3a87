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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .beds import Bed
from .markdown import text_of
from .method import Lesson, bed_to_learn_from, find_method
from .results import RESULTS
from .scores import psnr, straight_line
from .settings import Settings

EXPOSURE = "exposure"  # folder of its results
GROUPS = ("validation", "test")
_SHOWN = {
    "spread": ("spread of the originals' means", 3),
    "error": ("error of the restored mean", 3),
    "correlation": ("correlation", 2),
    "psnr": ("PSNR, dB", 2),
    "psnr_average": ("with the average mean and contrast", 2),
    "psnr_mean": ("with the right mean", 2),
    "psnr_line": ("after the line", 2),
}


def measure_exposure(name: str, seed: int, work: Path, bed_name: str, settings: Settings) -> dict[str, Any]:
    """How well a method finds the exposure of the originals, for validation and test images.

    Exposure is an image's mean. Restored images are scored as they are; brought to the mean and the standard deviation
    that the originals have on average; to the mean that their own original has; and along the best straight line.
    """
    method = find_method(name)
    source = bed_to_learn_from(method, bed_name, settings)
    folder = work / "learned" / source / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    learned = method.learn(Lesson(Bed(work / "beds" / source, settings), settings, seed, folder, print))
    bed = Bed(work / "beds" / bed_name, settings)
    row: dict[str, Any] = {"method": name, "title": method.title, "seed": seed, "images": bed.digest}
    for group in GROUPS:
        images = bed.select(group, "poor")
        restored = torch.stack([learned.restore(image) for image in bed.read(images)])
        row[group] = exposure_scores(restored, bed.read(images, references=True))
    return row


def exposure_scores(restored: torch.Tensor, references: torch.Tensor) -> dict[str, float]:
    """Compare the means of images ``(images, 1, rows, columns)`` in [0, 1] with those of their originals."""
    means, right = restored.mean((1, 2, 3), keepdim=True), references.mean((1, 2, 3), keepdim=True)
    contrast = restored.std((1, 2, 3), keepdim=True).clamp_min(1e-6)
    average = (restored - means) / contrast * references.std((1, 2, 3)).mean() + right.mean()
    lines = torch.stack([straight_line(image, original) for image, original in zip(restored, references)])
    given = {"": restored, "_average": average, "_mean": restored - means + right, "_line": lines}
    found = {f"psnr{name}": _mean_psnr(images.clamp(0, 1), references) for name, images in given.items()}
    both = np.stack([means.flatten().numpy(), right.flatten().numpy()])
    return {
        "spread": float(right.std(correction=0)),
        "error": float((means - right).square().mean().sqrt()),
        "correlation": float(np.corrcoef(both)[0, 1]) if both.std(1).min() > 0 else 0.0,
        **found,
    }


def read_exposure(folder: Path = RESULTS) -> list[dict[str, Any]]:
    paths = sorted((folder / EXPOSURE).glob("*.json"))
    return [{"bed": path.stem, "rows": json.loads(path.read_text(encoding="utf-8"))} for path in paths]


def exposure_section(found: Sequence[dict[str, Any]]) -> str:
    """The page's section on what PSNR hangs on; the means over a method's seeds."""
    if not found:
        return ""
    parts = [text_of("exposure")]
    heads = ["method", "seeds", "images", *(title for title, _ in _SHOWN.values())]
    for beds in found:
        head, rule = "| " + " | ".join(heads) + " |", "| --- | ---: | --- |" + " ---: |" * len(_SHOWN)
        lines = [f"`{beds['bed']}`:", "", head, rule]
        for name in dict.fromkeys(row["method"] for row in beds["rows"]):
            rows = [row for row in beds["rows"] if row["method"] == name]
            for group in GROUPS:
                cells = [rows[0]["title"], str(len(rows)), group]
                cells += [f"{np.mean([row[group][key] for row in rows]):.{d}f}" for key, (_, d) in _SHOWN.items()]
                lines.append("| " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _mean_psnr(images: torch.Tensor, references: torch.Tensor) -> float:
    return float(np.mean([psnr(image, original) for image, original in zip(images, references)]))

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
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from monai_r2c.study import Design, cases_of_folders, make_study

START = datetime(2026, 1, 5, 9, tzinfo=timezone.utc)
TASKS = ("diagnosis", "rating", "preference")


def write_images(folder: Path, count: int = 8, size: tuple[int, int] = (24, 20)) -> None:
    """Folders poor and restored of 16-bit PNGs, and labels.csv."""
    generator = np.random.default_rng(0)
    for name in ("poor", "restored"):
        (folder / name).mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "patient"])
        for number in range(count):
            clean = np.add.outer(np.linspace(5000, 30000, size[0]), np.linspace(0, 20000, size[1]))
            noisy = clean + generator.normal(0, 4000, size)
            for name, pixels in (("poor", noisy), ("restored", clean)):
                Image.fromarray(pixels.clip(0, 65535).astype(np.uint16)).save(folder / name / f"{number}.png")
            writer.writerow([f"{number}.png", ("healthy", "ill")[number % 2], f"p{number}"])


def make_small_study(out: Path, **changes: Any) -> Path:
    images = out.with_name(f"{out.name}-images")
    if not images.exists():
        write_images(images)
    found = cases_of_folders(images / "poor", {"restored": images / "restored"}, images / "labels.csv").choose(8, 0)
    labels = tuple(case.label for case in found.cases)
    settings = {"readers": 2, "tasks": TASKS, "repeats": 0.25, "washout_days": 0, **changes}
    make_study(found, Design(conditions=found.conditions, labels=labels, **settings), out)
    return out


def answer_files(key: dict[str, Any], folder: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> list[Path]:
    """Files of answers to all screens, as the page saves them."""
    answers: dict[str, dict[str, Any]] = {}
    for number, (trial, meaning) in enumerate(key["trials"].items()):
        at = START + timedelta(days=30 * meaning["sitting"], seconds=number)
        record = {"answer": answer(meaning), "done": True, "seconds": 2.0, "at": at.isoformat()}
        answers.setdefault(meaning["reader"], {})[trial] = record
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for reader, own in answers.items():
        files.append(folder / f"{reader}.json")
        files[-1].write_text(json.dumps({"format": 1, "study": key["study"], "reader": reader, "answers": own}))
    return files


def ideal(key: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A reader who always prefers restored images, rates them 4 and poor ones 2, and is always right."""

    def answer(meaning: dict[str, Any]) -> dict[str, Any]:
        if meaning["task"] == "preference":
            ranks = ["spoiled" not in shown and 1 + ("restored" in shown) for shown in meaning["shown"]]
            side = "tie" if ranks[0] == ranks[1] else "left" if ranks[0] > ranks[1] else "right"
            return {"choice": side}
        if meaning["task"] == "rating":
            (shown,) = meaning["shown"]
            value = 1 if "spoiled" in shown else 4 if shown == "restored" else 2
            return dict.fromkeys(("noise", "contrast", "sharpness", "artefacts", "usefulness"), value)
        label = key["cases"][meaning["case"]]["label"]
        return {"class": label, "confidence": 5, "marks": [[3, 4]] if label == "ill" else []}

    return answer

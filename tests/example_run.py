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
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from PIL import Image

from monai_r2c.handlers import CaseWriter, ImageTable, write_configuration, write_scores
from monai_r2c.metrics import Score
from monai_r2c.networks import R2CGenerator

CLASSES = ["non-covid", "covid"]


def write_example_run(folder: Path, source: bool = True, size: tuple[int, int] = (40, 32)) -> Path:
    """A run's folder as training and evaluation leave it, of untrained networks and random images."""
    torch.manual_seed(0)
    images = folder / "images"
    images.mkdir(parents=True)
    datalist: dict[str, Any] = {"classes": CLASSES}
    items = []
    for section, count in {"training": 12, "testing": 6}.items():
        datalist[section] = {"poor": [], "good": []}
        for index in range(2 * count):
            file = f"images/{section}-{index}.png"
            pixels = (torch.rand(40, 32) * 255).to(torch.uint8).numpy()
            Image.fromarray(pixels).save(folder / file)
            item = {"image": file, "label": index // 2 % 2, "patient": f"{section} {index // 4}"}
            if source:
                item["source"] = ("north", "south")[item["label"]]
            datalist[section][("poor", "good")[index % 2]].append(item)
    for item in datalist["testing"]["poor"]:
        items.append({"file": item["image"], "label": item["label"], "image": torch.rand(1, *size) * 2 - 1})
    (folder / "datalist.json").write_text(json.dumps(datalist))
    write_configuration(folder / "configuration.json", {"order": 3, "learning_rate": 2e-4, "cache_dir": None})
    _write_history(folder / "metrics.csv")
    evaluator = Engine(lambda _engine, batch: batch)
    evaluator.state.metrics = {
        "f1": Score(0.8, 0.5, 0.95),
        "f1_restored": Score(float("nan"), reason="no image is covid"),
        "niqe": Score(5.0, 4.0, 6.0),
        "niqe_restored": Score(4.5, 4.0, 5.0),
    }
    write_scores(folder / "evaluation.csv", {"poor": evaluator})
    table = ImageTable(CLASSES)
    table.attach(evaluator)
    probabilities = [torch.tensor([0.4 - 0.05 * i, 0.6 + 0.05 * i]) for i in range(len(items))]
    evaluator.run(
        [[{**item, "probabilities": p, "restored_probabilities": p.flip(0)}] for item, p in zip(items, probabilities)]
    )
    evaluator.state.metric_details = {
        "niqe": {"niqe": torch.linspace(4, 6, 6), "niqe_restored": torch.full((6,), 5.0)},
        "structure": {"structural_change": torch.linspace(0, 1, 6), "structure_flagged": torch.eye(6)[5]},
    }
    table.write(folder / "images.csv")

    class Dataset(list):
        data = items

    restorer = R2CGenerator(2, features=4)
    CaseWriter(restorer, Dataset(items), CLASSES, folder / "cases", size=32, count=1).write(table.rows())
    return folder


def _write_history(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "generator_loss", "discriminator_loss", "validation/f1"])
        writer.writerows([[1, 10.0, 1.0, ""], [2, 8.0, 0.9, "nan"], [3, 7.0, 0.8, 0.5]])

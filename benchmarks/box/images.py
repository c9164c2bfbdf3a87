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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from monai.transforms import Compose

from monai_r2c.inferers import RestorationInferer, working_size
from monai_r2c.networks import describe_model, load_restorer, model_path, read_settings
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError

NIH, HANNOVER = "nih", "hannover"


@dataclass(frozen=True)
class Row:
    """An image of the collection's ``manifest.csv``.

    Args:
        path: of the file.
        source: ``nih``, which the model is trained on, or ``hannover``, which it has never seen.
        split: ``train`` or ``test`` of the collection.
        quality: ``good``, ``mid`` or ``poor``.
        patient: name.
        label: 1 for pneumonia, 0 for no finding, None where the row has neither.
        matched: whether it belongs to the pairs of both labels that are alike in their indicators.
    """

    path: Path
    source: str
    split: str
    quality: str
    patient: str
    label: int | None
    matched: bool


def read_rows(data: Path) -> list[Row]:
    """All images of ``data/cxr``."""
    manifest = data / "cxr/manifest.csv"
    if not manifest.is_file():
        raise InputError(f"{manifest}: no such file; --data must be the folder that holds cxr/.")
    labels = {"no-finding": 0, "pneumonia": 1}
    with manifest.open(encoding="utf-8", newline="") as file:
        return [
            Row(
                data / "cxr" / row["file"],
                HANNOVER if row["label"] == "covid" else NIH,
                row["split"],
                row["quality"],
                row["patient_id"],
                labels.get(row["label_pneumonia"]),
                row["matched_pneumonia"] == "1",
            )
            for row in csv.DictReader(file)
        ]


def read(path: Path, modalities: Sequence[str] | None = None) -> torch.Tensor:
    """An image as ``(1, rows, columns)`` in [0, 1]."""
    return torch.as_tensor(LoadRadiograph(modalities=modalities)(path)).as_subclass(torch.Tensor).clamp(0, 1)


def degrade(image: torch.Tensor, faults: Sequence[Compose], number: int, seed: int) -> torch.Tensor:
    """An image with its fault: that of a list whose turn it is, drawn from the stream of the image's number."""
    fault = faults[number % len(faults)]
    stream = np.random.SeedSequence(seed, spawn_key=(number,))
    fault.set_random_state(seed=int(stream.generate_state(1)[0]))
    poor = fault({"image": image.clone()})["image"]
    return torch.as_tensor(poor).as_subclass(torch.Tensor).float().clamp(0, 1)


def degraded(images: Sequence[torch.Tensor], faults: Sequence[Compose], seed: int) -> list[torch.Tensor]:
    return [degrade(image, faults, number, seed) for number, image in enumerate(images)]


class Restorer:
    """A model file as `restore` uses it: image ``(1, rows, columns)`` in [0, 1] to image and class probabilities."""

    def __init__(self, model: Path, size: str = "auto") -> None:
        self.path, self.settings = model_path(model), read_settings(model)
        self.network = load_restorer(model)[0]
        self.line = describe_model(model)
        self.inferer = RestorationInferer(1, working_size(size, self.network, self.settings.image_size))

    @torch.no_grad()
    def __call__(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = (2 * image[None] - 1).expand(-1, self.settings.channels, -1, -1)
        restored, logits = self.inferer(inputs, self.network)
        return ((restored[0].mean(0, keepdim=True) + 1) / 2).clamp(0, 1), logits[0].float().softmax(0)

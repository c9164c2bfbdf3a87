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

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.restoration.indicators import indicator_probabilities
from monai_r2c.metrics import bootstrap_intervals, classification_scores

from .images import NIH, Restorer, Row, read


def evaluate_classes(rows: Sequence[Row], restorer: Restorer) -> dict[str, Any]:
    """AUC of the class head on NIH's test images, beside that of a logistic regression on image-quality indicators.

    Both are given the images as they are, poor and good. The indicators know nothing of a lung.
    """
    ours = [row for row in rows if row.source == NIH and row.label is not None]
    train, test = ([row for row in ours if row.split == split] for split in ("train", "test"))
    images = {
        split: torch.stack([read(row.path) for row in part]) for split, part in (("train", train), ("test", test))
    }
    probabilities = {
        "head": torch.stack([restorer(image)[1] for image in images["test"]]).double(),
        "indicators": indicator_probabilities(images["train"], [int(row.label or 0) for row in train], images["test"]),
    }
    labels = torch.tensor([int(row.label or 0) for row in test])
    matched = torch.tensor([row.matched for row in test])
    patients = {patient: number for number, patient in enumerate(sorted({row.patient for row in test}))}
    groups = np.array([patients[row.patient] for row in test])
    found: dict[str, Any] = {"classes": list(restorer.settings.classes)}
    for subset, chosen in (("all", torch.ones(len(test), dtype=torch.bool)), ("matched", matched)):
        found[subset] = {"count": int(chosen.sum())}
        for name, values in probabilities.items():
            found[subset][name] = _auc(values[chosen], labels[chosen], groups[chosen.numpy()])
    return found


def _auc(probabilities: torch.Tensor, labels: torch.Tensor, groups: np.ndarray) -> dict[str, float]:
    def score(chosen: np.ndarray) -> dict[str, float]:
        return {"auc": float(classification_scores(probabilities[chosen], labels[chosen])["auc"])}

    numbers = {group: number for number, group in enumerate(sorted(set(groups.tolist())))}
    low, high = bootstrap_intervals(score, [numbers[group] for group in groups.tolist()])["auc"]
    return {"mean": score(np.arange(len(labels)))["auc"], "low": low, "high": high}

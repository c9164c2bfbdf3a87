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

from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.nets import DenseNet
from monai.transforms import Compose, RandAdjustContrast, RandAffine, RandScaleIntensity, RandShiftIntensity

from monai_r2c.metrics import LayerFeatures, classification_scores

from .beds import Bed

KEPT = Path(__file__).with_name("judge.pt")  # a training ends elsewhere on another processor: one judge for all
_EPOCHS, _BATCH = 30, 16
_FEATURES = "features.norm5"


class Judge:
    """A classifier of good images that is no part of any method: says whether restoration keeps the class.

    It is trained once, on the good training images and the originals of the poor ones, with light changes of gray
    values and position. Its last features are what the distances between sets of images are taken of.

    Args:
        network: `make_judge_network` with weights.
        auc: of the class on the good test images.
    """

    def __init__(self, network: nn.Module, auc: float) -> None:
        self.network, self.auc = network.eval(), auc
        self.features = LayerFeatures(network, _FEATURES)

    @torch.no_grad()
    def classes(self, images: torch.Tensor) -> torch.Tensor:
        """Most probable class of each of ``(images, 1, rows, columns)`` in [0, 1]."""
        return self._logits(images).argmax(1)

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.network(2 * image[None] - 1) for image in images])


def make_judge_network() -> nn.Module:
    return DenseNet(2, 1, 2, init_features=16, growth_rate=12, block_config=(3, 4, 4), bn_size=2)


def load_judge(path: Path, bed: Bed, epochs: int = _EPOCHS) -> Judge:
    """Load the judge from `path`, else the one kept for the benchmark's images; for others train it and write it there.

    Args:
        path: of the judge's weights.
        bed: to learn from; has references.
        epochs: of its training.
    """
    kept = torch.load(KEPT, weights_only=True)
    if path.is_file() or kept["images"] != bed.digest:
        if not path.is_file():
            _train(path, bed, epochs)
        kept = torch.load(path, weights_only=True)
    network = make_judge_network()
    network.load_state_dict(kept["weights"])
    return Judge(network, kept["auc"])


def _train(path: Path, bed: Bed, epochs: int) -> None:
    torch.manual_seed(0)
    network = make_judge_network()
    good, poor = bed.select("good", "good"), bed.select("poor", "poor")
    images = torch.cat([bed.read(good), bed.read(poor, references=True)])
    labels = torch.tensor([image.label for image in (*good, *poor)])
    change = Compose(
        [
            RandAdjustContrast(prob=0.5, gamma=(0.7, 1.4)),
            RandScaleIntensity(0.2, prob=0.5),
            RandShiftIntensity(0.1, prob=0.5),
            RandAffine(prob=0.8, rotate_range=0.1, translate_range=6, scale_range=0.1, padding_mode="border"),
        ]
    ).set_random_state(seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=1e-4)
    steps = epochs * -(-len(images) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(_BATCH):
            batch = torch.stack([torch.as_tensor(change(images[index])) for index in chosen])
            optimizer.zero_grad()
            F.cross_entropy(network(2 * batch - 1), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    test = bed.select("test", "poor")
    with torch.no_grad():
        logits = Judge(network, 0.0)._logits(bed.read(test, references=True))
    auc = classification_scores(logits.softmax(1), torch.tensor([image.label for image in test]))["auc"]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"weights": network.state_dict(), "auc": float(auc)}, partial)
    partial.replace(path)

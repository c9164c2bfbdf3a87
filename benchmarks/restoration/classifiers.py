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

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.nets import DenseNet121, EfficientNetBN, resnet18
from monai.transforms import RandAffine

CLASSIFIERS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: resnet18(spatial_dims=2, n_input_channels=1, num_classes=2, feed_forward=True),
    "densenet121": lambda: DenseNet121(2, 1, 2),
    "efficientnet_b0": lambda: EfficientNetBN("efficientnet-b0", False, True, 2, 1, 2),
}


class ClassifierTraining:
    """Trains a classifier of whole images with cross entropy and small shifts; a `Training`.

    Args:
        network: gives logits ``(batch, 2)`` of images in [-1, 1].
        images: ``(images, 1, rows, columns)`` in [0, 1].
        labels: of the images.
        seed: of the order and the shifts.
    """

    def __init__(
        self, network: nn.Module, images: torch.Tensor, labels: Sequence[int], seed: int, learning_rate: float = 3e-4
    ) -> None:
        self.restorer, self.images, self.labels, self.seed = network.train(), images, torch.tensor(labels), seed
        self.optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
        self.shift = RandAffine(prob=1.0, rotate_range=0.08, translate_range=5, scale_range=0.08, padding_mode="border")
        self.steps, self.batch_size = 0, 8

    def run(self, goes_on: Callable[[], bool]) -> None:
        device = next(self.restorer.parameters()).device
        while True:
            generator = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self.steps,)))
            chosen = generator.integers(len(self.images), size=self.batch_size)
            self.shift.set_random_state(seed=int(generator.integers(2**32, dtype=np.uint64)))
            torch.manual_seed(int(generator.integers(2**32, dtype=np.uint64)))  # of dropout
            batch = torch.stack([torch.as_tensor(self.shift(self.images[index])) for index in chosen]).to(device)
            self.optimizer.zero_grad()
            F.cross_entropy(self.restorer(2 * batch - 1), self.labels[chosen].to(device)).backward()
            self.optimizer.step()
            self.steps += 1
            if not goes_on():
                return

    def state(self) -> dict[str, Any]:
        parts = {"restorer": self.restorer.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**parts, "steps": self.steps}

    def resume(self, state: dict[str, Any]) -> None:
        self.restorer.load_state_dict(state["restorer"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = state["steps"]


@torch.no_grad()
def probabilities(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Class probabilities ``(images, 2)`` of images in [0, 1], by a classifier or by the head of an R2C restorer."""
    network.eval()
    outputs = [
        network((2 * image[None] - 1).expand(-1, getattr(network, "in_channels", 1), -1, -1)) for image in images
    ]
    return torch.cat([output[-1] if isinstance(output, tuple) else output for output in outputs]).softmax(1)

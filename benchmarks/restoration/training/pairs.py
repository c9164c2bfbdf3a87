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

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from monai.transforms import Compose

Pairs = Callable[[int], tuple[torch.Tensor, torch.Tensor]]


class PairsTraining:
    """Trains a network on pairs of poor images and their originals: mean absolute difference, Adam, no more.

    Args:
        restorer: image to image, in [-1, 1].
        pairs: poor image and original ``(1, rows, columns)`` in [0, 1], as a function of the pair's number.
        learning_rate: constant.
        batch_size: pairs of a step.
    """

    def __init__(self, restorer: nn.Module, pairs: Pairs, learning_rate: float = 5e-4, batch_size: int = 1) -> None:
        self.restorer, self.pairs, self.batch_size = restorer.train(), pairs, batch_size
        self.optimizer = torch.optim.Adam(restorer.parameters(), lr=learning_rate)
        self.steps = 0

    def run(self, goes_on: Callable[[], bool]) -> None:
        device = next(self.restorer.parameters()).device
        for poor, good in self._batches():
            self.optimizer.zero_grad()
            poor, good = poor.to(device), good.to(device)
            restored = image_of(self.restorer(2 * poor - 1))
            (restored - (2 * good - 1)).abs().mean().backward()
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

    def _batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            numbers = range(self.steps * self.batch_size, (self.steps + 1) * self.batch_size)
            poor, good = zip(*(self.pairs(number) for number in numbers))
            yield torch.stack(poor), torch.stack(good)


def image_of(output: Any) -> torch.Tensor:
    """The image of a network's output: R2C's generators give their class logits beside it."""
    return output[0] if isinstance(output, tuple) else output


def synthetic_pairs(good: torch.Tensor, faults: Compose, crop: int, seed: int) -> Pairs:
    """Pairs made from good images ``(images, 1, rows, columns)``: each is degraded anew, then both are cropped.

    Degrading before the crop keeps the faults' ranges (scatter, motion) those of whole images.
    """

    def pair(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = _stream(seed, number)
        original = good[generator.integers(len(good))]
        faults.set_random_state(seed=int(generator.integers(2**32, dtype=np.uint64)))
        poor = torch.as_tensor(faults({"image": original.clone()})["image"])
        return _crop(poor, original, crop, generator)

    return pair


def true_pairs(poor: torch.Tensor, references: torch.Tensor, crop: int, seed: int) -> Pairs:
    """Pairs of the poor images that the bed has for training and their originals, cropped alike."""

    def pair(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = _stream(seed, number)
        index = generator.integers(len(poor))
        return _crop(poor[index], references[index], crop, generator)

    return pair


def _crop(poor: torch.Tensor, good: torch.Tensor, crop: int, generator: np.random.Generator) -> tuple:
    row, column = (int(generator.integers(length - crop + 1)) for length in poor.shape[1:])
    window = (..., slice(row, row + crop), slice(column, column + crop))
    return poor[window].float(), good[window].float()


def _stream(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))

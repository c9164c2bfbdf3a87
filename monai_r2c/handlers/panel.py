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

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
from ignite.engine import Engine, Events
from monai.networks import eval_mode
from PIL import Image
from torch.utils.data import Dataset

from monai_r2c.utils import InputError
from monai_r2c.utils.processes import process_rank

from .drawings import PanelImage, draw_panel
from .engine_state import is_last_epoch
from .tensorboard_log import TensorBoardLog

_TITLES = ("poor", "restored", "cycled", "good", "degraded", "cycled")


class RestorationPanel:
    """Draws what both generators make of the same images every so many epochs, as PNG and in TensorBoard.

    Each row shows poor | restored | cycled and good | degraded | cycled. Under an input stands its class, under a
    translated image the class predicted from the input, with its probability.

    Args:
        restorer, degrader: networks that return ``(image, logits)``.
        poor, good: datasets whose items hold ``image`` ``(channels, rows, columns)`` in [-1, 1] and ``label``.
        classes: names of the classes.
        directory: of the PNG files, ``epoch_0001.png`` and so on.
        device: of the networks.
        tensorboard: log that shows the panel too.
        interval: epochs between two panels; the last epoch always draws one.
        rows: images of each domain at most; the classes take turns.

    Raises:
        InputError: when a domain is empty.
    """

    def __init__(
        self,
        restorer: nn.Module,
        degrader: nn.Module,
        poor: Dataset | Sequence[Mapping[str, Any]],
        good: Dataset | Sequence[Mapping[str, Any]],
        classes: Sequence[str],
        directory: str | os.PathLike,
        device: str | torch.device = "cpu",
        tensorboard: TensorBoardLog | None = None,
        interval: int = 1,
        rows: int = 4,
    ) -> None:
        self.restorer, self.degrader = restorer, degrader
        self.poor, self.good = choose_by_turns(poor, rows), choose_by_turns(good, rows)
        for name, chosen in (("poor", self.poor), ("good", self.good)):
            if not chosen:
                raise InputError(f"the {name} domain holds no image to draw a panel of.")
        self.classes, self.device, self.interval = classes, torch.device(device), interval
        self.directory, self.tensorboard = Path(directory), tensorboard

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._draw_if_due)

    def draw(self, path: str | os.PathLike) -> torch.Tensor:
        """Draw the panel, write it as PNG to `path` and return it: uint8 ``(1, rows, columns)``."""
        rows = [
            [*self._translate(self.restorer, self.degrader, poor), *self._translate(self.degrader, self.restorer, good)]
            for poor, good in zip(self.poor, self.good)
        ]
        panel = draw_panel(_TITLES, rows)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(panel).save(path)
        return torch.from_numpy(panel.copy())[None]

    def _draw_if_due(self, engine: Engine) -> None:
        epoch = engine.state.epoch
        if process_rank() > 0 or (epoch % self.interval and not is_last_epoch(engine)):
            return
        panel = self.draw(self.directory / f"epoch_{epoch:04d}.png")
        if self.tensorboard is not None:
            self.tensorboard.add_image("panel", panel, engine.state.iteration)

    def _translate(self, first: nn.Module, second: nn.Module, item: Mapping[str, Any]) -> list[PanelImage]:
        image = torch.as_tensor(item["image"]).as_subclass(torch.Tensor)[None].to(self.device)
        with torch.no_grad(), ExitStack() as stack:
            for network in (first, second):
                stack.enter_context(eval_mode(network))
            translated, logits = first(image)
            cycled, _ = second(translated)
        probability, predicted = logits.float().softmax(1)[0].max(0)
        captions = (self.classes[int(item["label"])], f"{self.classes[int(predicted)]} {probability:.2f}", "")
        return [
            PanelImage((shown[0].mean(0) + 1) / 2, caption)
            for shown, caption in zip((image, translated, cycled), captions)
        ]


def choose_by_turns(dataset: Dataset | Sequence[Mapping[str, Any]], count: int) -> list[Mapping[str, Any]]:
    """Return the first `count` items, the classes taking turns as far as each has items."""
    by_class: dict[int, list[int]] = {}
    for index in range(len(dataset)):  # type: ignore[arg-type]
        by_class.setdefault(_label(dataset, index), []).append(index)
    turns = [(turn, label, index) for label, found in sorted(by_class.items()) for turn, index in enumerate(found)]
    return [dataset[index] for _, _, index in sorted(turns)[:count]]


def _label(dataset: Any, index: int) -> int:
    # MONAI's datasets keep the untransformed items in `data`, so that no image is read to learn its label
    items = getattr(dataset, "data", dataset)
    return int(items[index]["label"])

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
from ignite.engine import Engine, Events
from monai.handlers.utils import from_engine

from monai_r2c.handlers import ClassificationScores, QualityScores, TensorBoardDetails, TensorBoardLog, Validation


class _Evaluator(Engine):
    def __init__(self, items: list[dict]) -> None:
        super().__init__(lambda _engine, batch: batch)
        self.items = items

    def run(self, epoch: int) -> None:
        self.state.epoch, self.state.max_epochs = epoch - 1, epoch
        super().run([self.items])


def write_log(folder: Path, classes: int = 2) -> Path:
    """Two epochs of losses, a validation of six images and a panel."""
    generator = torch.Generator().manual_seed(0)
    items = [
        {
            "image": torch.rand(1, 32, 32, generator=generator),
            "restored": torch.rand(1, 32, 32, generator=generator) / 2,
            "probabilities": torch.rand(classes, generator=generator).softmax(0),
            "label": index % classes,
        }
        for index in range(6)
    ]
    evaluator = _Evaluator(items)
    scores = ClassificationScores(resamples=0)
    for name, handler in {
        "classification": scores,
        "quality": QualityScores(resamples=0),
        "quality_restored": QualityScores(from_engine("restored"), "_restored", resamples=0),
    }.items():
        handler.attach(evaluator, name)
    trainer = Engine(lambda _engine, batch: {"generator_loss": torch.tensor(1 / batch), "generator_learning_rate": 0.1})
    log = TensorBoardLog(folder, {"validation": evaluator}, interval=1)
    names = [f"class {index}" for index in range(classes)]
    details = TensorBoardDetails(
        log, {"order": 3, "classes": names}, {"validation": evaluator}, {"validation": scores}, names
    )
    for handler in (Validation([evaluator]), log, details):
        handler.attach(trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: log.add_image("panel", torch.rand(1, 60, 200), 4))
    trainer.run([1, 2], max_epochs=2)
    return folder

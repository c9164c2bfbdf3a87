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

import logging
import math
import os
from typing import Any

import torch.nn as nn
from ignite.engine import Engine, Events

from monai_r2c.networks import save_model
from monai_r2c.networks.nets import GeneratorBase
from monai_r2c.utils import InputError
from monai_r2c.utils.processes import process_rank

from .epoch_evaluations import EpochEvaluations

_LOGGER = logging.getLogger("monai_r2c.training")


class BestModel:
    """Writes ``model.pt`` whenever the validation's key metric is the best so far; a tie goes to the later epoch.

    Without an evaluator the model of every epoch is written, so the file holds the last one. Attach it after the
    validation; keep it in the checkpoint (`state_dict`), so that a resumed run knows the best value.

    Args:
        path: of the model file.
        restorer: the network to save, such as the exponential moving average.
        classes, image_size: see `save_model`.
        evaluator: engine whose ``state.metrics`` are compared; None when there is no validation, or nothing to compare.
        key_metric: name of the metric; higher is better. NaN is worse than any number.
        others: further networks to keep beside, by name.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        restorer: GeneratorBase,
        classes: list[str] | tuple[str, ...],
        image_size: int,
        evaluator: Engine | None = None,
        key_metric: str = "f1",
        others: dict[str, nn.Module] | None = None,
    ) -> None:
        self.path, self.restorer, self.others = path, restorer, dict(others or {})
        self.classes, self.image_size = classes, image_size
        self.evaluator, self.key_metric = evaluator, key_metric
        self._evaluations = EpochEvaluations({} if evaluator is None else {"validation": evaluator})
        self.value, self.epoch = -math.inf, 0

    def attach(self, engine: Engine) -> None:
        self._evaluations.attach(engine)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save_if_best)

    def state_dict(self) -> dict[str, Any]:
        """Return the best value and its epoch."""
        return {"value": self.value, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from the best value of an earlier run."""
        self.value, self.epoch = state_dict["value"], state_dict["epoch"]

    def _save_if_best(self, engine: Engine) -> None:
        if self.evaluator is not None:
            if not self._evaluations.ran():
                return
            value = self._key_value()
            if value < self.value:
                return
            self.value = value
            if process_rank() == 0:
                _LOGGER.info(f"best {self.key_metric} so far: {value:.4g}, epoch {engine.state.epoch}")
        self.epoch = engine.state.epoch
        if process_rank() == 0:
            save_model(self.path, self.restorer, self.classes, self.image_size, **self.others)

    def _key_value(self) -> float:
        assert self.evaluator is not None
        metrics = self.evaluator.state.metrics
        if self.key_metric not in metrics:
            known = ", ".join(name for name, value in metrics.items() if isinstance(value, (int, float)))
            raise InputError(f"key_metric: {self.key_metric!r} is not among the validation's metrics: {known}.")
        value = float(metrics[self.key_metric])
        return -math.inf if math.isnan(value) else value

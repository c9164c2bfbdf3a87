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

from ignite.engine import Engine, Events
from monai.engines import Evaluator

from monai_r2c.utils import InputError

from .engine_state import is_last_epoch


class Validation:
    """Runs evaluators every so many epochs and after the last one, which MONAI's ``ValidationHandler`` may leave out.

    Attach it before the handlers that use the evaluators' metrics.

    Args:
        evaluators: run in this order with the trainer's epoch.
        interval: epochs between two validations, at least 1.

    Raises:
        InputError: when an evaluator is an engine of ignite that holds no data, so that only its owner can run it.
    """

    def __init__(self, evaluators: Sequence[Evaluator], interval: int = 1) -> None:
        self.evaluators, self.interval = list(evaluators), interval
        if any(type(evaluator).run is Engine.run for evaluator in self.evaluators):
            raise InputError(
                "Validation: needs evaluators of MONAI, such as R2CEvaluator; run an engine of ignite with its data in "
                "a handler of your own."
            )

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._run_if_due)

    def _run_if_due(self, engine: Engine) -> None:
        epoch = engine.state.epoch
        if epoch % self.interval == 0 or is_last_epoch(engine):
            for evaluator in self.evaluators:
                evaluator.run(epoch)

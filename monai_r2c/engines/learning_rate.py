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

from typing import Any

from ignite.engine import Engine, Events
from ignite.handlers.param_scheduler import ParamGroupScheduler, ParamScheduler
from monai.handlers import LrScheduleHandler
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from monai_r2c.utils import InputError

Scheduler = LRScheduler | ParamScheduler | ParamGroupScheduler | LrScheduleHandler


def linear_decay(step: int, constant_steps: int, total_steps: int) -> float:
    """Factor on the learning rate: 1 for the first `constant_steps`, then linearly to 0 at `total_steps`.

    Args:
        step: number of steps done before this one, from 0.
        constant_steps: steps at the full rate; from `total_steps` on, the rate never falls.
        total_steps: steps of the whole run.

    Returns:
        A factor in [0, 1], never negative.
    """
    if step < constant_steps or constant_steps >= total_steps:
        return 1.0
    return max(0.0, (total_steps - step) / (total_steps - constant_steps))


class LearningRate:
    """The learning rate of one optimizer in a run: its own scheduler's, or else as it is set for each step.

    A handler: attach it before the one that writes checkpoints, so that these hold what the scheduler did last.

    Args:
        name: of the optimizer, for messages: ``generator`` or ``discriminator``.
        optimizer: whose rates these are.
        scheduler: a scheduler of torch, which steps at the end of every epoch; one of ignite, which acts on every
            iteration; or MONAI's ``LrScheduleHandler`` around a scheduler of torch, which says itself when it steps.

    Raises:
        InputError: when the scheduler is none of these, is of another optimizer, or needs a score.
    """

    def __init__(self, name: str, optimizer: Optimizer, scheduler: Scheduler | None = None) -> None:
        self.name, self.optimizer, self.scheduler = name, optimizer, scheduler
        self._base = [group["lr"] for group in optimizer.param_groups]
        self._set: list[float] | None = None
        inner = scheduler.lr_scheduler if isinstance(scheduler, LrScheduleHandler) else scheduler
        if scheduler is not None and not isinstance(scheduler, Scheduler):
            raise InputError(
                f"{name}_scheduler: must be a scheduler of torch or ignite, or MONAI's LrScheduleHandler, "
                f"got {type(scheduler).__name__}."
            )
        if isinstance(scheduler, ReduceLROnPlateau):
            raise InputError(
                f"{name}_scheduler: {type(scheduler).__name__} needs a score; give it to train_handlers in a "
                "LrScheduleHandler whose step_transform reads the score, after the validation."
            )
        if getattr(inner, "optimizer", optimizer) is not optimizer:
            raise InputError(f"{name}_scheduler: is of another optimizer; make it with {name}_optimizer.")

    def attach(self, engine: Engine) -> None:
        if isinstance(self.scheduler, LrScheduleHandler):
            self.scheduler.attach(engine)
        elif isinstance(self.scheduler, (ParamScheduler, ParamGroupScheduler)):
            engine.add_event_handler(Events.ITERATION_STARTED, self.scheduler)
        elif self.scheduler is not None:
            scheduler = self.scheduler
            # without an argument: ignite would give the engine as the epoch
            engine.add_event_handler(Events.EPOCH_COMPLETED, lambda: scheduler.step())

    def checkpoint_objects(self) -> dict[str, Any]:
        """The scheduler by name, where there is one and it has a state."""
        inner = self.scheduler.lr_scheduler if isinstance(self.scheduler, LrScheduleHandler) else self.scheduler
        return {} if inner is None else {f"{self.name}_scheduler": inner}

    def start(self) -> None:
        """Forget what was set before, because a checkpoint may set the rates as the run starts."""
        self._set = None

    def scale(self, factor: float) -> None:
        """Set every rate to `factor` times what it was at construction.

        Raises:
            InputError: when something else has set them since the last time.
        """
        rates = [group["lr"] for group in self.optimizer.param_groups]
        if self._set is not None and rates != self._set:
            raise InputError(
                f"decay_epoch: sets the learning rate of {self.name}_optimizer, which something else set to "
                f"{rates[0]:g}; give that scheduler as {self.name}_scheduler, or null for decay_epoch."
            )
        self._set = [rate * factor for rate in self._base]
        for group, rate in zip(self.optimizer.param_groups, self._set):
            group["lr"] = rate

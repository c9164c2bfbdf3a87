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

import atexit
import logging
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch.nn as nn
from ignite.engine import Engine, Events
from rich.console import Console

from monai_r2c.data import Datalist
from monai_r2c.utils.processes import process_rank

from ..engine_state import numbers_of
from .live import LiveView
from .summary import describe_end, describe_run, describe_seconds, next_commands

_LOGGER = logging.getLogger("monai_r2c.training")
_GROUPS = ("generator", "discriminator", "adversarial", "cycle", "identity", "class", "synthetic")
_SCORES = ("f1", "auc", "accuracy", "psnr_restored")
_INTERVAL = 0.3  # seconds between two looks at the losses
_FIRST, _TIMED = 2, 5  # steps that warm up, and steps that the time is estimated from


class RunView:
    """Tells a person what a run does: a summary at its start, an estimate of its time, and at its end where all is.

    On a terminal a view of the run stays at the bottom: bars of epoch and run with the time left, losses by group,
    scores of the validation against the best so far, and what was saved. Elsewhere, as in a file, it is plain lines.
    At the end, also where the run is interrupted or fails, it says what was written where and which command goes on.
    The first process tells. Attach it to any trainer, before the handlers that write.

    Args:
        output_dir: where the run writes.
        images: of the run, counted in the summary.
        settings: of the config by name, see `describe_run`.
        network: the restorer, counted in the summary.
        best: the `BestModel` of the run, whose validation is shown.
        console: to draw on; None: standard output.
    """

    def __init__(
        self,
        output_dir: str,
        images: Datalist | None = None,
        settings: Mapping[str, Any] | None = None,
        network: nn.Module | None = None,
        best: Any = None,
        console: Console | None = None,
    ) -> None:
        self.output_dir, self.images, self.settings = Path(output_dir), images, dict(settings or {})
        self.network, self.best = network, best
        self.console = console or Console()
        self._view: LiveView | None = None
        self._sums: dict[str, list[float]] = {}
        self._best: dict[str, float] = {}
        self._steps, self._since, self._shown = 0, 0.0, 0.0
        self._is_complete = False

    def attach(self, engine: Engine) -> None:
        if process_rank() > 0:
            return
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start_epoch)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._step)
        engine.add_event_handler(Events.COMPLETED, self._complete)

    def _show_epoch(self, epoch: int) -> None:
        """Show the validation of an epoch and what was saved, when the handlers of its end are done."""
        if self._view is None:
            return
        evaluator = getattr(self.best, "evaluator", None)
        metrics = evaluator.state.metrics if evaluator is not None else {}
        names = dict.fromkeys((getattr(self.best, "key_metric", ""), *_SCORES))
        for name in names:
            value = float(metrics.get(name, math.nan))
            if math.isfinite(value):
                best = max(value, self._best.get(name, -math.inf))
                self._best[name] = best
                self._view.contents.scores[name] = (value, best, value >= best)
        saved = [f"checkpoint of epoch {epoch}"]
        if self.best is not None and self.best.epoch:
            saved.append(f"{self.output_dir / 'model.pt'} of epoch {self.best.epoch}")
        self._view.contents.saved = ", ".join(saved)

    def _start(self, engine: Engine) -> None:
        state: Any = engine.state
        length = state.epoch_length or 0
        for heading, line in describe_run(self.images, self.settings, self.network, str(self.output_dir), length):
            self._say(f"{heading}: {line}")
        if state.iteration:
            self._say(f"continues after epoch {state.iteration // max(1, length)}, step {state.iteration}")
        self._steps, self._is_complete = 0, False
        atexit.register(self._end)
        if self.console.is_terminal and length:
            self._view = LiveView(str(self.output_dir), self.console)
            self._view.start()

    def _start_epoch(self, engine: Engine) -> None:
        state: Any = engine.state
        self._sums = {}
        if self._view is not None:
            if state.epoch > 1:
                self._show_epoch(state.epoch - 1)
            if not self._steps:  # a checkpoint is loaded after the run's start
                self._view.start_run(state.iteration, state.epoch_length * state.max_epochs)
            done = state.iteration % state.epoch_length
            self._view.start_epoch(state.epoch, state.max_epochs, done, state.epoch_length)

    def _step(self, engine: Engine) -> None:
        state: Any = engine.state
        self._steps += 1
        if self._steps == _FIRST:
            self._since = time.monotonic()
        elif self._steps == _FIRST + _TIMED and state.epoch_length:
            seconds = (time.monotonic() - self._since) / _TIMED
            left = (state.epoch_length * state.max_epochs - state.iteration) * seconds
            self._say(
                f"time: {describe_seconds(seconds)} a step, about {describe_seconds(left)} for the rest of "
                f"{state.max_epochs} epochs, validation apart"
            )
        if self._view is None:
            return
        self._view.step()
        if time.monotonic() - self._shown < _INTERVAL:  # reading a number waits for the GPU
            return
        self._shown = time.monotonic()
        for name, value in numbers_of(engine, self).items():
            group = name.partition("_")[0]
            if group in _GROUPS:
                self._sums.setdefault(group, [0.0, 0.0])
                self._sums[group][0] += float(value)
                self._sums[group][1] += 1
        shown = [group for group in _GROUPS if group in self._sums]
        self._view.contents.losses = {group: self._sums[group][0] / self._sums[group][1] for group in shown}

    def _complete(self, engine: Engine) -> None:
        self._is_complete = True
        if self._view is not None:
            self._show_epoch(engine.state.epoch)
        self._end()

    def _end(self) -> None:
        """Give the terminal back and say where everything is: once, at the run's end or the process's."""
        atexit.unregister(self._end)
        if self._view is not None:
            self._view.stop()
            self._view = None
        self._say("the run is complete" if self._is_complete else "the run is not complete")
        for heading, line in describe_end(self.output_dir, self.best):
            self._say(f"{heading}: {line}")
        commands = next_commands(self.output_dir, self._is_complete)
        if commands:
            self._say("next:")
            for command in commands:
                print(f"  {command}")
            sys.stdout.flush()

    def _say(self, line: str) -> None:
        _LOGGER.info(line)

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

import csv
import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_r2c.metrics import describe_score
from monai_r2c.metrics.descriptions import CLASSIFICATION, QUALITY
from monai_r2c.utils.files import write_text_atomically
from monai_r2c.utils.processes import mean_over_processes, process_rank

from .engine_state import device_of, numbers_of
from .epoch_evaluations import EpochEvaluations
from .tables import format_rows
from .terminal import describe_seconds

_LOGGER = logging.getLogger("monai_r2c.training")
_TOLD = ("f1", "auc")


class EpochLog:
    """Writes one row an epoch to ``metrics.csv`` and one line to the log.

    A row holds the epoch, the iteration, the mean of every number in ``engine.state.output`` over the epoch, and the
    metrics of each evaluator that ran in it, their names prefixed. A mean is over the steps that have the number, and
    over all processes; the first process writes. On resuming, rows of epochs that are done again are replaced; a run
    that resumes within an epoch needs the log's `state_dict`, each process its own. Attach it to any ignite engine,
    after the validation.

    Args:
        path: of the CSV file.
        evaluators: engines whose metrics are logged, by prefix (such as ``validation``).
        output_transform: takes a mapping with numbers, or one number, from ``engine.state.output``; not needed where
            the output is one of them, or as of MONAI's ``SupervisedTrainer``.

    Raises:
        InputError: during a run, when there are no such numbers.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        evaluators: Mapping[str, Engine] | None = None,
        output_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.evaluations = EpochEvaluations(evaluators)
        self.output_transform = output_transform
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._began = time.monotonic()
        self._first: tuple[int, float] | None = None

    def attach(self, engine: Engine) -> None:
        self.evaluations.attach(engine)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums of the current epoch."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue within the epoch of `state_dict`."""
        self._sums, self._counts = dict(state_dict["sums"]), dict(state_dict["counts"])

    def _start(self, engine: Engine) -> None:
        state: Any = engine.state
        self._began = time.monotonic()
        # the length of a first epoch may be unknown
        if not state.epoch_length or state.iteration % state.epoch_length == 0:
            self._sums, self._counts = {}, {}

    def _add(self, engine: Engine) -> None:
        for name, value in numbers_of(engine, self, self.output_transform).items():
            value = torch.as_tensor(value, dtype=torch.float64)
            self._sums[name] = self._sums[name].to(value.device) + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def _write(self, engine: Engine) -> None:
        row: dict[str, Any] = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        names = list(self._sums)  # the same in every process, because they leave out the same steps
        means = torch.tensor([float(self._sums[name]) / self._counts[name] for name in names], dtype=torch.float64)
        row |= dict(zip(names, mean_over_processes(means, device_of(engine)).tolist()))
        if process_rank() > 0:
            return
        row |= self.evaluations.scores()
        rows = [old for old in _read(self.path) if int(old["epoch"]) < engine.state.epoch] + [row]
        write_text_atomically(self.path, format_rows(rows, undefined="nan"))
        shown = {name: value for name, value in row.items() if _is_told(name) and not math.isnan(value)}
        summary = ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
        _LOGGER.info(f"epoch {engine.state.epoch}/{engine.state.max_epochs} ({self._time(engine)}): {summary}")

    def _time(self, engine: Engine) -> str:
        state: Any = engine.state
        self._first = self._first or (state.epoch - 1, self._began)
        seconds = (time.monotonic() - self._first[1]) / max(1, state.epoch - self._first[0])
        left = seconds * ((state.max_epochs or state.epoch) - state.epoch)
        return f"{describe_seconds(seconds)} an epoch, {describe_seconds(left)} left" if left else "the last"


def _is_told(name: str) -> bool:
    """Whether a column is in the epoch's line: the two losses, and of an evaluation what is read first."""
    if "/" not in name:
        return name.endswith("_loss") or name == "loss"
    prefix, _, score = name.rpartition("/")
    group = describe_score(score).group
    return group not in (QUALITY, CLASSIFICATION) or (score in _TOLD and not prefix.endswith("_good"))


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

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
import io
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_r2c.metrics import describe_score
from monai_r2c.metrics.descriptions import QUALITY
from monai_r2c.utils.files import write_text_atomically
from monai_r2c.utils.processes import mean_over_processes, process_rank

_LOGGER = logging.getLogger("monai_r2c.training")


class EpochLog:
    """Writes one row an epoch to ``metrics.csv`` and one line to the log.

    A row holds the epoch, the iteration, the mean of every scalar in ``engine.state.output`` over the epoch, and the
    metrics of each evaluator that ran in it, their names prefixed. A mean is over the steps that have the scalar, and
    over all processes; the first process writes. On resuming, rows of epochs that are done again are replaced; a run
    that resumes within an epoch needs the log's `state_dict`, each process its own. Attach it after the validation.

    Args:
        path: of the CSV file.
        evaluators: engines whose metrics are logged, by prefix (such as ``validation``).
    """

    def __init__(self, path: str | os.PathLike, evaluators: Mapping[str, Engine] | None = None) -> None:
        self.path = Path(path)
        self.evaluators = dict(evaluators or {})
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}

    def attach(self, engine: Engine) -> None:
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
        if state.iteration % state.epoch_length == 0:
            self._sums, self._counts = {}, {}

    def _add(self, engine: Engine) -> None:
        for name, value in scalars(engine.state.output).items():
            value = torch.as_tensor(value, dtype=torch.float64)
            self._sums[name] = self._sums[name].to(value.device) + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def _write(self, engine: Engine) -> None:
        row: dict[str, Any] = {"epoch": engine.state.epoch, "iteration": engine.state.iteration}
        names = list(self._sums)  # the same in every process, because they leave out the same steps
        device = engine.state.device  # type: ignore[attr-defined]
        means = torch.stack([self._sums[name].cpu() / self._counts[name] for name in names])
        row |= dict(zip(names, mean_over_processes(means, device).tolist()))
        if process_rank() > 0:
            return
        for prefix, evaluator in self.evaluators.items():
            row |= scores_of(evaluator, prefix, engine.state.epoch)
        rows = [old for old in _read(self.path) if int(old["epoch"]) < engine.state.epoch] + [row]
        write_text_atomically(self.path, _format(rows))
        shown = {name: value for name, value in row.items() if name.endswith("_loss") or _is_told(name)}
        summary = ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
        _LOGGER.info(f"epoch {engine.state.epoch}/{engine.state.max_epochs}: {summary}")


def _is_told(name: str) -> bool:
    # measures of image quality would make the line unreadable
    return "/" in name and describe_score(name.rpartition("/")[2]).group != QUALITY


def scalars(output: Any) -> dict[str, Any]:
    """Return the entries of an engine's output that are numbers or tensors with one element and no dimension."""
    return {
        name: value
        for name, value in output.items()
        if isinstance(value, (int, float)) or (isinstance(value, torch.Tensor) and value.ndim == 0)
    }


def scores_of(evaluator: Engine, prefix: str, epoch: int) -> dict[str, float]:
    """Return the scalar metrics of an evaluator as ``prefix/name``, if it ran in `epoch`; else nothing."""
    if evaluator.state.epoch != epoch:
        return {}
    metrics = evaluator.state.metrics.items()
    return {f"{prefix}/{name}": float(value) for name, value in metrics if isinstance(value, (int, float))}


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _format(rows: list[dict[str, Any]]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: "nan" if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()})
    return text.getvalue()

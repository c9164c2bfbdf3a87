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

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.files import write_text_atomically
from monai_r2c.utils.processes import gather_from_processes

from .engine_state import items_of, sees_all
from .restoration_flags import flags_of
from .tables import format_rows


class ImageTable:
    """Collects one row for each image of an `R2CEvaluator`, over ranks: classes, and what every metric found in it.

    A row holds ``file``, ``patient`` where it is known, ``label``, ``class``, ``class_restored``, ``probability`` (of
    the given class, before restoration), what `RestorationFlags` added, and the values that `ScoresHandler`s leave in
    ``engine.state.metric_details``, by name. An item with ``error`` has no row.

    Args:
        classes: names of the classes.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = list(classes)
        self._rows: list[dict[str, Any]] = []
        self._engine: Engine | None = None
        self._has_all = False

    def attach(self, engine: Engine) -> None:
        self._engine = engine
        engine.add_event_handler(Events.STARTED, self._rows.clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)

    def rows(self) -> list[dict[str, Any]]:
        """Rows of all images, on every rank; call it after the engine's run."""
        rows = [dict(row) for row in self._rows]
        if not self._has_all:
            rows = [row for part in gather_from_processes(rows) for row in part]
        details: Mapping[str, Any] = getattr(self._engine and self._engine.state, "metric_details", {})
        for values in details.values():
            if not isinstance(values, Mapping):
                continue
            for name, column in values.items():
                for row, value in zip(rows, column.tolist()):
                    row[name] = float(value)
        return rows

    def write(self, path: str | Path) -> None:
        """Write the rows as CSV, undefined values as empty cells; the first rank writes."""
        rows = self.rows()
        if idist.get_rank() != 0:
            return
        write_text_atomically(path, format_rows(rows, digits=6))

    def _add(self, engine: Engine) -> None:
        self._has_all = sees_all(engine)
        for item in items_of(engine, self, Keys.PROBABILITIES):
            if Keys.ERROR in item:
                continue
            probability, index = item[Keys.PROBABILITIES].max(0)
            row = {"file": item.get(Keys.FILE, "")}
            if item.get(Keys.PATIENT) is not None:
                row["patient"] = str(item[Keys.PATIENT])
            if "label" in item:
                row["label"] = self.classes[int(item["label"])]
            row |= {"class": self.classes[int(index)], "probability": float(probability)}
            if Keys.RESTORED_PROBABILITIES in item:
                restored: torch.Tensor = item[Keys.RESTORED_PROBABILITIES]
                row["class_restored"] = self.classes[int(restored.argmax())]
            self._rows.append(row | flags_of(item))

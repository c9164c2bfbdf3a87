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
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_r2c.data import write_radiograph
from monai_r2c.utils import InputError
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.files import write_text_atomically
from monai_r2c.utils.metadata import plain_tensor
from monai_r2c.utils.processes import gather_from_processes, process_rank

from .engine_state import items_of


class RestorationSaver:
    """Writes every restored image of an `R2CEvaluator` in the kind of its source, and a table of predictions.

    Images keep their place below the folder that all sources share. The table has the columns ``file``, ``class``, one
    ``probability_<class>`` each, and where the items have them ``class_restored`` (the class of the restored image) and
    ``label``.

    Args:
        items: the evaluated items, with ``image`` (path of the source) and ``file``; the engine's output items hold
            ``file``, ``restored`` ``(channels, rows, columns)`` in [0, 1] at the source's size, and ``probabilities``.
        classes: names of the classes.
        output_dir: folder of the restored images.
        predictions: path of the table.

    Raises:
        InputError: when two items have the same ``file``.
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        classes: Sequence[str],
        output_dir: str | os.PathLike,
        predictions: str | Path,
    ) -> None:
        self.sources = {item["file"]: Path(item["image"]) for item in items}
        if len(self.sources) < len(items):
            raise InputError("two images of the datalist have the same file; each may stand there once.")
        parents = {str(path.parent) for path in self.sources.values()}
        self.root = Path(os.path.commonpath(parents)) if parents else Path()
        self.classes = list(classes)
        self.output_dir, self.predictions = Path(output_dir), predictions
        self._rows: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self._rows.clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._save)
        engine.add_event_handler(Events.COMPLETED, self._write_table)

    def _save(self, engine: Engine) -> None:
        for item in items_of(engine, self, Keys.FILE, Keys.RESTORED, Keys.PROBABILITIES):
            source = self.sources[item[Keys.FILE]]
            restored = plain_tensor(item[Keys.RESTORED]).mean(0)
            write_radiograph(restored, source, self.output_dir / source.relative_to(self.root))
            probabilities = item[Keys.PROBABILITIES].tolist()
            row = {"file": item[Keys.FILE], "class": self._most_probable(item[Keys.PROBABILITIES])}
            row |= {f"probability_{name}": f"{value:.6f}" for name, value in zip(self.classes, probabilities)}
            if Keys.RESTORED_PROBABILITIES in item:
                row["class_restored"] = self._most_probable(item[Keys.RESTORED_PROBABILITIES])
            if "label" in item:
                row["label"] = self.classes[int(item["label"])]
            self._rows.append(row)

    def _most_probable(self, probabilities: torch.Tensor) -> str:
        return self.classes[int(probabilities.argmax())]

    def _write_table(self) -> None:
        # each process has rows of its own, or all of them of the same few images
        found = {row["file"]: row for rows in gather_from_processes(self._rows) for row in rows}
        if process_rank() > 0:
            return
        rows = [found[file] for file in self.sources if file in found]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text_atomically(self.predictions, text.getvalue())

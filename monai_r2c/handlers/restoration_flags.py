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

from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_r2c.metrics.restoration_check import UNFAMILIAR, WORSE, RestorationCheck
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils import in_one_line
from monai_r2c.utils.metadata import plain_tensor

from .engine_state import items_of

_MEANINGS = {
    UNFAMILIAR: "unlike what the model was trained on, do not rely on what it made of them",
    WORSE: "worse than before, by NIQE",
}
_NAMED = 3


class RestorationFlags:
    """Adds what `RestorationCheck` says of each restored image to the output items of an `R2CEvaluator`.

    That is a score of how unfamiliar the image is to the model, NIQE before and after, and ``flags``. Attach it before
    what writes the items, such as `RestorationSaver` and `ImageTable`, which then have these columns. Images and
    restored images are in [0, 1]. An item with ``error`` is left alone, and all are where the model file holds no
    statistics of its training images.

    Args:
        statistics: of a model file, see `ModelSettings`.
    """

    def __init__(self, statistics: Mapping[str, Mapping[str, Any]]) -> None:
        self.check = RestorationCheck.of_statistics(statistics)

    def attach(self, engine: Engine) -> None:
        if self.check is not None:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self._add)

    def _add(self, engine: Engine) -> None:
        assert self.check is not None
        for item in items_of(engine, self, Keys.RESTORED):
            if Keys.ERROR not in item:
                pair = (plain_tensor(item[key]).float().cpu().clamp(0, 1) for key in ("image", Keys.RESTORED))
                item.update(self.check(*pair))  # type: ignore[attr-defined]


def flags_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was added to an item; nothing where nothing was."""
    return {name: item[name] for name in RestorationCheck.columns if name in item}


def flag_text(item: Mapping[str, Any]) -> dict[str, str]:
    """Return what was added to an item as texts for a table, undefined numbers empty."""
    return {name: value if isinstance(value, str) else _number(value) for name, value in flags_of(item).items()}


def describe_flags(flagged: Mapping[str, str]) -> list[str]:
    """Say in a line for each kind of flag how many images have it, and name some.

    Args:
        flagged: by file, flags joined by a bar.
    """
    lines = []
    for flag, meaning in _MEANINGS.items():
        files = [file for file, flags in flagged.items() if flag in flags.split("|")]
        if files:
            some = ", ".join(files[:_NAMED]) + ", ..." * (len(files) > _NAMED)
            lines.append(in_one_line(f"Flagged {flag}: {len(files)} ({meaning}): {some}"))
    return lines


def _number(value: float | torch.Tensor) -> str:
    return "" if value != value else f"{float(value):.3f}"

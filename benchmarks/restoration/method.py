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

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn as nn

from monai_r2c.utils import InputError

from .beds import Bed
from .settings import Settings

METHODS = Path(__file__).parent / "methods"


@dataclass(frozen=True)
class Lesson:
    """What a method is given to learn from.

    Args:
        bed: whose training and validation images it may use.
        settings: of the benchmark.
        seed: of the method's own randomness.
        folder: for its checkpoints and what it has learned.
        tell: is given lines of progress.
    """

    bed: Bed
    settings: Settings
    seed: int
    folder: Path
    tell: Callable[[str], None]

    @property
    def minutes(self) -> float:
        return float(self.settings.bed(self.bed.name)["minutes"])

    @property
    def key(self) -> str | None:
        """Score on validation by which weights are chosen; None where the last ones are taken."""
        return self.settings.key["reference" if self.bed.has_references else "real"]


@dataclass(frozen=True)
class Learned:
    """A method ready to restore.

    Args:
        restore: gives an image ``(1, rows, columns)`` in [0, 1] for one.
        facts: what the results say of it: parameters, minutes, settings, curve.
        network: that restores, where one does.
    """

    restore: Callable[[torch.Tensor], torch.Tensor]
    facts: dict[str, Any] = field(default_factory=dict)
    network: nn.Module | None = None


class Method(Protocol):
    """A way to restore; a file of `methods/` holds one as ``METHOD`` and gives it its name.

    Attributes:
        title: what the page calls it.
        kind: ``filter``, ``pairs``, ``unpaired`` or ``bound`` (what cannot be had in practice).
        uses_poor: whether it looks at a bed's poor images to learn; if not, it is trained once for all beds.
        uses_references: whether it looks at their originals, too.
        random: whether another seed gives another result.
    """

    title: str
    kind: str
    uses_poor: bool
    uses_references: bool
    random: bool

    def learn(self, lesson: Lesson) -> Learned: ...


def find_method(name: str) -> Method:
    if not (METHODS / f"{name}.py").is_file():
        raise InputError(f"method: there is no {name!r}; methods/ has {', '.join(method_names())}.")
    method: Method = importlib.import_module(f"{__package__}.methods.{name}").METHOD
    return method


def method_names() -> list[str]:
    return sorted(path.stem for path in METHODS.glob("*.py") if path.stem != "__init__")


def bed_to_learn_from(method: Method, bed: str, settings: Settings) -> str:
    """The bed whose training and validation images a method learns from to be scored on `bed`."""
    first = next(iter(settings.beds))
    stated = settings.bed(bed)
    if "learn_from" in stated:
        return str(stated["learn_from"])
    lacks_references = method.uses_references and stated["faults"] is None
    return first if lacks_references or not method.uses_poor else bed

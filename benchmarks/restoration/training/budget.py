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

import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn as nn

from monai_r2c.utils import InputError
from monai_r2c.utils.files import write_text_atomically

Look = Callable[[nn.Module], dict[str, float]]


class Training(Protocol):
    """A training that can be stopped after any step and goes on exactly from its state."""

    @property
    def restorer(self) -> nn.Module: ...

    def state(self) -> dict[str, Any]: ...

    def resume(self, state: dict[str, Any]) -> None: ...

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Train; call `goes_on` after each step and return once it says no."""


class BudgetedRun:
    """Charges a training the processor time that it uses, looks at its validation, saves it and resumes it.

    On the CPU the processor time of the process is charged, which has one thread, on a GPU the time of the clock: the
    steps with their loading, augmentation and drawing of faults. Looking and saving are not. A killed run goes on from
    its last checkpoint, with the minutes that had been charged by then, so that nothing is trained for free and nothing
    is lost but the steps since.

    Args:
        training: of one network or several, one of which is the restorer.
        minutes: of the budget.
        path: of the checkpoint.
        look: scores of the restorer on validation images.
        key: the score that says which weights are kept; with None those of the last look are.
        lower_better: whether a lower one is better.
        look_every, save_every: minutes of the budget.
        tell: is given a line at each look.
    """

    def __init__(
        self,
        training: Training,
        minutes: float,
        path: Path,
        look: Look,
        key: str | None,
        lower_better: bool = False,
        look_every: float = 0.5,
        save_every: float = 1.0,
        tell: Callable[[str], None] = print,
    ) -> None:
        self.training, self.budget, self.path, self.look, self.key, self.tell = training, minutes, path, look, key, tell
        self.lower_better, self.look_every, self.save_every = lower_better, look_every, save_every
        self.progress: dict[str, Any] = {"minutes": 0.0, "steps": 0, "hours_wall": 0.0, "curve": []}
        self.best: dict[str, Any] = {}
        self._saved_at = 0.0

    def run(self) -> dict[str, torch.Tensor]:
        """Train until the budget is spent; return the best weights of the restorer."""
        if self.path.is_file():
            self._resume()
        done = self.progress["minutes"]
        if done > self.budget + self.look_every:
            raise InputError(
                f"{self.path}: was trained for {done:.1f} minutes already, {self.budget:g} were asked for."
            )
        self._mark, self._wall = self._seconds(), time.perf_counter()
        if not self.progress["curve"]:
            self._look()
        if self.progress["minutes"] < self.budget:
            self.training.run(self._goes_on)
        return self.best["weights"]

    def _goes_on(self) -> bool:
        progress = self.progress
        progress["minutes"] += (self._seconds() - self._mark) / 60
        progress["steps"] += 1
        over = progress["minutes"] >= self.budget
        if over or progress["minutes"] >= progress["curve"][-1]["minutes"] + self.look_every:
            self._look()
        if over or progress["minutes"] >= self._saved_at + self.save_every:
            self._save()
        self._mark = self._seconds()
        return not over

    def _look(self) -> None:
        restorer = self.training.restorer
        training = restorer.training
        scores = self.look(restorer.eval())
        restorer.train(training)
        self.progress["curve"].append({"minutes": self.progress["minutes"], **scores})
        score = None if self.key is None else scores[self.key]
        if score is None or not self.best or self._is_better(score, self.best["score"]):
            weights = {name: value.detach().clone() for name, value in restorer.state_dict().items()}
            self.best = {"score": score, "minutes": self.progress["minutes"], "weights": weights}
        shown = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
        self.tell(f"{self.progress['minutes']:.1f} of {self.budget:g} min, step {self.progress['steps']}: {shown}")
        self._mark = self._seconds()

    def _seconds(self) -> float:
        if next(self.training.restorer.parameters()).device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def _is_better(self, score: float, than: float) -> bool:
        return score < than if self.lower_better else score > than

    def _save(self) -> None:
        now = time.perf_counter()
        self.progress["hours_wall"] += (now - self._wall) / 3600
        self._wall, self._saved_at = now, self.progress["minutes"]
        contents = {"training": self.training.state(), "progress": deepcopy(self.progress), "best": self.best}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        torch.save(contents, partial)
        partial.replace(self.path)
        write_text_atomically(self.path.with_suffix(".minutes"), f"{self.progress['minutes']:.3f}\n")

    def _resume(self) -> None:
        contents = torch.load(self.path, weights_only=True, map_location="cpu")
        self.training.resume(contents["training"])
        self.progress, self.best = contents["progress"], contents["best"]
        self._saved_at = self.progress["minutes"]
        self.tell(f"goes on from {self.progress['minutes']:.1f} of {self.budget:g} min, step {self.progress['steps']}")

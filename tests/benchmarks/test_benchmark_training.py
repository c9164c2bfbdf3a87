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
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn as nn

from benchmarks.restoration.architectures import unet
from benchmarks.restoration.beds import Bed
from benchmarks.restoration.method import Lesson
from benchmarks.restoration.settings import Settings
from benchmarks.restoration.trained_method import TrainedMethod, bundle_method, pairs_method
from benchmarks.restoration.training import BudgetedRun, Training, synthetic_pairs

SECOND = 1 / 60


class Killed(Exception):
    pass


class Busy:
    """A training whose step takes a hundredth of a second of processor time, and whose weight counts the steps."""

    def __init__(self) -> None:
        self.restorer = nn.Linear(1, 1)
        nn.init.zeros_(self.restorer.weight)

    def run(self, goes_on: Callable[[], bool]) -> None:
        while True:
            end = time.process_time() + 0.01
            while time.process_time() < end:
                pass
            self.restorer.weight.data += 1
            if not goes_on():
                return

    def state(self) -> dict[str, Any]:
        return self.restorer.state_dict()

    def resume(self, state: dict[str, Any]) -> None:
        self.restorer.load_state_dict(state)


def make_run(path: Path, look: Callable, minutes: float = 0.2 * SECOND, key: str | None = "score") -> BudgetedRun:
    every = {"look_every": 0.05 * SECOND, "save_every": 0.05 * SECOND}
    return BudgetedRun(Busy(), minutes, path, look, key, **every, tell=lambda line: None)


def test_the_budget_ends_the_training(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a.pt", lambda network: {"score": float(network.weight)})
    assert float(run.run()["weight"]) == run.progress["steps"]
    assert 10 <= run.progress["steps"] <= 20
    assert 0.2 * SECOND <= run.progress["minutes"] < 0.25 * SECOND


def test_looking_is_not_charged(tmp_path: Path) -> None:
    def slow_look(network: nn.Module) -> dict[str, float]:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
        return {"score": 0.0}

    run = make_run(tmp_path / "a.pt", slow_look)
    run.run()
    assert run.progress["steps"] >= 10


def test_the_best_look_s_weights_are_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a.pt", lambda network: {"score": -abs(float(network.weight) - 5)})
    kept = float(run.run()["weight"])
    looked = [point["score"] for point in run.progress["curve"]]
    assert -abs(kept - 5) == max(looked)
    assert kept < run.progress["steps"]


def test_without_a_key_the_last_look_s_weights_are_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a.pt", lambda network: {"score": -float(network.weight)}, key=None)
    assert float(run.run()["weight"]) == run.progress["steps"]
    assert run.best["minutes"] == run.progress["minutes"]


def test_a_killed_run_goes_on_with_what_it_was_charged(tmp_path: Path) -> None:
    looks = []

    def deadly_look(network: nn.Module) -> dict[str, float]:
        looks.append(float(network.weight))
        if len(looks) == 4:
            raise Killed
        return {"score": float(network.weight)}

    with pytest.raises(Killed):
        make_run(tmp_path / "a.pt", deadly_look).run()
    told: list[str] = []
    run = make_run(tmp_path / "a.pt", lambda network: {"score": float(network.weight)})
    run.tell = told.append
    weights = run.run()
    assert told[0].startswith("goes on from")
    assert run.progress["minutes"] < 0.25 * SECOND
    assert float(weights["weight"]) == run.progress["steps"] <= 20


@pytest.fixture
def lesson(bed: Bed, settings: Settings, tmp_path: Path) -> Lesson:
    return Lesson(bed, settings, 0, tmp_path, lambda line: None)


SMALL = {
    "pairs": pairs_method("pairs", "wide", lambda: nn.Conv2d(1, 1, 3, padding=1)),
    "bundle": bundle_method("bundle", variant="operational", features=2),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_training_goes_on_exactly(name: str, lesson: Lesson) -> None:
    """Seven steps at once equal three, a new start and four; an epoch of the bundle's has two steps here."""
    at_once = start(SMALL[name], lesson)
    steps(at_once, 7)
    first = start(SMALL[name], lesson)
    steps(first, 3)
    torch.save(first.state(), lesson.folder / "state.pt")
    second = start(SMALL[name], lesson)
    second.resume(torch.load(lesson.folder / "state.pt", weights_only=True))
    steps(second, 4)
    for ours, theirs in zip(second.restorer.parameters(), at_once.restorer.parameters()):
        assert torch.equal(ours, theirs)


def start(method: TrainedMethod, lesson: Lesson) -> Training:
    torch.manual_seed(lesson.seed)
    return method.start(lesson)


def steps(training: Training, count: int) -> None:
    done = []

    def goes_on() -> bool:
        done.append(True)
        return len(done) < count

    training.run(goes_on)


def test_learning_gives_facts_and_a_restored_image(lesson: Lesson, image: torch.Tensor) -> None:
    learned = SMALL["pairs"].learn(lesson)
    assert learned.facts["parameters"] == 10
    assert learned.facts["minutes"] >= 0.01
    restored = learned.restore(image)
    assert restored.shape == image.shape
    assert 0 <= restored.min() <= restored.max() <= 1
    # a second time there is nothing to train
    again = SMALL["pairs"].learn(lesson)
    assert torch.equal(again.restore(image), restored)


def test_pairs_are_a_function_of_seed_and_number(bed: Bed, settings: Settings) -> None:
    good = bed.read(bed.select("good", "good"))
    blend = settings.blend("wide")["faults"]
    first, second = (synthetic_pairs(good, blend, 16, seed=0) for _ in range(2))
    second(3)
    for ours, theirs in zip(first(7), second(7)):
        assert torch.equal(ours, theirs)
    assert not torch.equal(first(7)[0], synthetic_pairs(good, blend, 16, seed=1)(7)[0])


def test_a_pair_is_one_crop_of_one_image(bed: Bed, settings: Settings) -> None:
    good = bed.read(bed.select("good", "good"))
    original = np.lib.stride_tricks.sliding_window_view(good.numpy()[:, 0], (16, 16), axis=(1, 2))
    _, reference = synthetic_pairs(good, settings.blend("default")["faults"], 16, seed=0)(0)
    assert (original == reference.numpy()[0]).all((-1, -2)).any()


def test_the_u_net_can_give_black_and_white() -> None:
    """One whose last layer is clipped or normalised could not, and would lose for that alone."""
    torch.manual_seed(0)
    network = unet()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    image = torch.where(torch.arange(32) < 16, -1.0, 1.0).expand(1, 1, 32, 32).contiguous()
    for _ in range(30):
        optimizer.zero_grad()
        (network(image) - image).abs().mean().backward()
        optimizer.step()
    restored = network(image)[0, 0, 8:24].detach()
    assert restored[:, 4:12].mean() < -0.7
    assert restored[:, 20:28].mean() > 0.7

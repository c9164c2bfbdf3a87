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

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from ignite.handlers import LinearCyclicalScheduler
from long_run import STEPS, checkpoint, differences, make_run, run, run_killed
from monai.handlers import LrScheduleHandler
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, ReduceLROnPlateau, StepLR

from monai_r2c.engines import R2CTrainer
from monai_r2c.utils import InputError

RATE = 1e-3
Adam = torch.optim.Adam


def halves_each_epoch(optimizer: Adam) -> StepLR:
    return StepLR(optimizer, 1, 0.5)


def halves_each_step(optimizer: Adam) -> LrScheduleHandler:
    return LrScheduleHandler(StepLR(optimizer, 1, 0.5), print_lr=False, epoch_level=False)


def falls_linearly(optimizer: Adam) -> LinearCyclicalScheduler:
    return LinearCyclicalScheduler(optimizer, "lr", RATE, 0.0, cycle_size=2 * 2 * STEPS)


def rates_of(tmp_path: Path, **settings: Any) -> dict[str, list[float]]:
    """Both learning rates of every step of two epochs."""
    trainer = make_run(tmp_path, max_epochs=2, **settings)
    rates: dict[str, list[float]] = {"generator": [], "discriminator": []}

    def keep(engine: R2CTrainer) -> None:
        for name, seen in rates.items():
            seen.append(engine.state.output[f"{name}_learning_rate"] / RATE)

    trainer.add_event_handler(Events.ITERATION_COMPLETED, keep)
    trainer.run()
    return rates


BY_SCHEDULER = {
    halves_each_epoch: [1.0] * STEPS + [0.5] * STEPS,
    halves_each_step: [0.5**i for i in range(2 * STEPS)],
    falls_linearly: [1 - i / (2 * STEPS) for i in range(2 * STEPS)],
}


@pytest.mark.parametrize("make", BY_SCHEDULER, ids=lambda make: make.__name__)
def test_scheduler_of_one_optimizer_leaves_the_other_constant(make: Callable, tmp_path: Path) -> None:
    rates = rates_of(tmp_path, decay_epoch=None, trainer=lambda g, d: {"discriminator_scheduler": make(d)})
    assert rates["discriminator"] == pytest.approx(BY_SCHEDULER[make])
    assert rates["generator"] == pytest.approx([1.0] * 2 * STEPS)


def test_scheduler_of_one_optimizer_leaves_the_other_its_linear_decay(tmp_path: Path) -> None:
    rates = rates_of(tmp_path, decay_epoch=1, trainer=lambda g, d: {"generator_scheduler": ConstantLR(g, 1.0)})
    assert rates["generator"] == pytest.approx([1.0] * 2 * STEPS)
    assert rates["discriminator"] == pytest.approx([1.0] * STEPS + [1 - i / STEPS for i in range(STEPS)])


def test_handler_that_sets_the_rate_is_not_overwritten_without_decay(tmp_path: Path) -> None:
    trainer = make_run(tmp_path, max_epochs=2, decay_epoch=None)
    halves_each_epoch_of = StepLR(trainer.generator_optimizer, 1, 0.5)
    LrScheduleHandler(halves_each_epoch_of, print_lr=False).attach(trainer)
    trainer.run()
    assert trainer.generator_optimizer.param_groups[0]["lr"] == pytest.approx(RATE / 4)
    assert trainer.discriminator_optimizer.param_groups[0]["lr"] == RATE


def test_handler_that_sets_the_rate_beside_the_decay_is_refused(tmp_path: Path) -> None:
    trainer = make_run(tmp_path, decay_epoch=1)
    halves_each_step(trainer.generator_optimizer).attach(trainer)
    with pytest.raises(InputError, match=r"decay_epoch: sets the learning rate of generator_optimizer, .* to 0.0005; "):
        trainer.run()


@pytest.mark.parametrize("make", [halves_each_step, falls_linearly, lambda g: CosineAnnealingLR(g, 4)])
def test_run_with_schedulers_that_is_ended_within_an_epoch_continues_bit_for_bit(
    make: Callable, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "max_epochs": 2,
        "decay_epoch": 1,
        "trainer": lambda g, d: {"generator_scheduler": make(g)},
    }
    run(tmp_path / "straight", **settings)
    assert run_killed(tmp_path / "resumed", STEPS + 2, signal.SIGTERM, **settings) == 128 + signal.SIGTERM
    run(tmp_path / "resumed", resume=True, **settings)
    last = [checkpoint(tmp_path / name, "epoch_0002.pt") for name in ("straight", "resumed")]
    assert "generator_scheduler" in last[0]
    assert "discriminator_scheduler" not in last[0]
    assert differences(*last) == []
    assert len({(tmp_path / name / "metrics.csv").read_text() for name in ("straight", "resumed")}) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g, d: StepLR(d, 1), "generator_scheduler: is of another optimizer; make it with generator_optimizer"),
        (lambda g, d: LrScheduleHandler(StepLR(d, 1)), "generator_scheduler: is of another optimizer"),
        (lambda g, d: ReduceLROnPlateau(g), "generator_scheduler: ReduceLROnPlateau needs a score"),
        (lambda g, d: 0.5, "generator_scheduler: must be a scheduler of torch or ignite, .*, got float"),
    ],
)
def test_wrong_scheduler_is_refused(make: Callable, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        make_run(tmp_path, trainer=lambda g, d: {"generator_scheduler": make(g, d)})

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
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from long_run import STEPS, checkpoint, differences, make_run, run, run_killed
from monai.transforms import RandGaussianNoised, ScaleIntensityRanged

from monai_r2c.engines import R2CEvents
from monai_r2c.losses import RestoreToClassifyLoss
from monai_r2c.utils import InputError

# lowers a good image's values; a synthetic image is known to be that much darker
DARKER = ScaleIntensityRanged("image", -1, 1, -1.0, 0.5)


def noisy_run(**changes: Any) -> dict[str, Any]:
    return {
        "max_epochs": 2,
        "degradation": RandGaussianNoised("image", prob=1.0, std=0.3),
        "trainer": {"generator_loss": RestoreToClassifyLoss(synthetic_weight=20.0)},
    } | changes


def test_synthetic_terms_are_those_of_the_restorer_on_the_degraded_good_image(tmp_path: Path) -> None:
    loss = RestoreToClassifyLoss(synthetic_weight=20.0)
    trainer = make_run(
        tmp_path, dropout=0.0, max_epochs=1, degradation=DARKER, trainer={"generator_loss": loss, "epoch_length": 1}
    )
    with torch.no_grad():
        copies = [p.clone() for p in trainer.restorer.parameters()]
    trainer.run()
    output = trainer.state.output
    torch.testing.assert_close(output["synthetic"], (output["good"] + 1) * 0.75 - 1)
    assert torch.equal(output["synthetic_reference"], output["good"])
    with torch.no_grad():
        for parameter, copy in zip(trainer.restorer.parameters(), copies):
            parameter.copy_(copy)
        restored, _ = trainer.restorer(output["synthetic"])
    torch.testing.assert_close(output["synthetic_restored"], restored)
    assert output["synthetic_absolute"].item() == pytest.approx(
        (restored - output["good"]).abs().mean().item(), rel=1e-5
    )
    assert output["class_synthetic_restored"].ndim == 0


def test_parts_of_a_batch_give_the_synthetic_gradients_of_the_whole(tmp_path: Path) -> None:
    found = []
    for parts in (1, 2):
        trainer = {"generator_loss": RestoreToClassifyLoss(synthetic_weight=20.0), "epoch_length": 1}
        trainer["accumulation_steps"] = parts
        made = make_run(tmp_path / str(parts), dropout=0.0, max_epochs=1, degradation=DARKER, trainer=trainer)
        made.add_event_handler(
            R2CEvents.GENERATORS_COMPLETED,
            lambda engine: found.append(torch.cat([p.grad.flatten() for p in engine.restorer.parameters()])),
        )
        made.run()
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_run_with_synthetic_pairs_that_is_killed_and_resumed_ends_as_one_that_is_not(tmp_path: Path) -> None:
    run(tmp_path / "straight", **noisy_run())
    settings = noisy_run(num_workers=2)  # the straight one has none
    assert run_killed(tmp_path / "resumed", STEPS + 2, signal.SIGTERM, **settings) == 128 + signal.SIGTERM
    run(tmp_path / "resumed", resume=True, **settings)
    last = [checkpoint(tmp_path / name, "epoch_0002.pt") for name in ("straight", "resumed")]
    assert differences(*last) == []
    texts = [(tmp_path / name / "metrics.csv").read_text() for name in ("straight", "resumed")]
    assert texts[0] == texts[1]
    assert all(float(row["synthetic_absolute"]) > 0 for row in csv.DictReader(texts[0].splitlines()))


def warm_run(**changes: Any) -> dict[str, Any]:
    loss = {"generator_loss": RestoreToClassifyLoss(synthetic_weight=20.0), "warm_start_epochs": 1}
    return noisy_run(trainer=loss) | changes


def test_warm_start_trains_the_restorer_alone_and_then_all(tmp_path: Path) -> None:
    trainer = make_run(tmp_path, dropout=0.0, **warm_run())
    networks = ("restorer", "degrader", "poor_discriminator", "good_discriminator")

    def weights() -> dict[str, torch.Tensor]:
        return {
            name: torch.cat([p.detach().flatten() for p in getattr(trainer, name).parameters()]) for name in networks
        }

    history, numbers = [weights()], []

    @trainer.on(Events.EPOCH_COMPLETED)
    def note(engine: Any) -> None:
        history.append(weights())
        numbers.append(dict(engine.state.output[0]))

    trainer.run()
    changed = [{n for n in networks if not torch.equal(a[n], b[n])} for a, b in pairwise(history)]
    assert changed == [{"restorer"}, set(networks)]
    warm, whole = numbers
    expected = 20 * warm["synthetic_absolute"] + 0.1 * warm["class_synthetic_restored"]
    assert warm["generator_loss"] == pytest.approx(float(expected))
    assert "discriminator_loss" in whole
    assert "cycle_poor" not in warm


def test_warm_run_that_is_killed_and_resumed_ends_as_one_that_is_not(tmp_path: Path) -> None:
    run(tmp_path / "straight", **warm_run())
    assert run_killed(tmp_path / "resumed", STEPS - 1, signal.SIGTERM, **warm_run()) == 128 + signal.SIGTERM
    run(tmp_path / "resumed", resume=True, **warm_run())
    last = [checkpoint(tmp_path / name, "epoch_0002.pt") for name in ("straight", "resumed")]
    assert differences(*last) == []
    texts = [(tmp_path / name / "metrics.csv").read_text() for name in ("straight", "resumed")]
    assert texts[0] == texts[1]


def test_warm_start_without_synthetic_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="warm_start_epochs: is 1, but there are no synthetic images to start with"):
        make_run(tmp_path, trainer={"warm_start_epochs": 1}).run()


def test_what_cannot_train_is_refused_at_construction(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="generator_loss: has no method synthetic"):
        make_run(tmp_path, trainer={"warm_start_epochs": 1, "generator_loss": lambda *_: {}})
    for steps in (0, -1):
        with pytest.raises(InputError, match=f"accumulation_steps: must be at least 1, got {steps}"):
            make_run(tmp_path, trainer={"accumulation_steps": steps})

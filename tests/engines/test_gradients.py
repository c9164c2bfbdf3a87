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
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from long_run import make_run, run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn.utils import get_total_norm

from monai_r2c.engines import R2CEvents
from monai_r2c.losses import R1Penalty
from monai_r2c.utils import InputError
from monai_r2c.utils.scalars import scalars as scalars_of

Step = tuple[dict[str, torch.Tensor], dict[str, float]]


def first_step(folder: Path, **options: Any) -> Step:
    """Gradients and scalars of one step without dropout."""
    trainer = make_run(folder, dropout=0.0, max_epochs=1, trainer={"epoch_length": 1, **options})
    gradients: dict[str, torch.Tensor] = {}

    def keep(*names: str) -> None:
        for name in names:
            gradients[name] = torch.cat([p.grad.flatten() for p in getattr(trainer, name).parameters()])

    trainer.add_event_handler(R2CEvents.GENERATORS_COMPLETED, lambda: keep("restorer", "degrader"))
    trainer.add_event_handler(
        R2CEvents.DISCRIMINATORS_COMPLETED, lambda: keep("poor_discriminator", "good_discriminator")
    )
    trainer.run()
    scalars = {name: float(value) for name, value in scalars_of(trainer.state.output).items()}
    return gradients, scalars


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Step:
    return first_step(tmp_path_factory.mktemp("plain"))


def test_without_limits_no_norm_is_logged(plain: Step) -> None:
    assert not [name for name in plain[1] if "gradient" in name]


def test_norm_limit_scales_all_gradients_of_an_update_alike(plain: Step, tmp_path: Path) -> None:
    gradients, scalars = first_step(tmp_path, max_gradient_norm=0.5)
    for update, names in (
        ("generator", ("restorer", "degrader")),
        ("discriminator", ("poor_discriminator", "good_discriminator")),
    ):
        before, after = (torch.cat([g[name] for name in names]) for g in (plain[0], gradients))
        assert scalars[f"{update}_gradient_norm"] == pytest.approx(before.norm().item(), rel=1e-5)
        assert before.norm() > 0.5
        torch.testing.assert_close(after, before * 0.5 / before.norm(), rtol=1e-4, atol=1e-8)


def test_norm_limit_above_the_norm_changes_nothing(plain: Step, tmp_path: Path) -> None:
    gradients, _ = first_step(tmp_path, max_gradient_norm=1e6)
    assert all(torch.equal(gradients[name], plain[0][name]) for name in ("restorer", "degrader"))


def test_value_limit_cuts_each_gradient_before_the_norm(plain: Step, tmp_path: Path) -> None:
    gradients, scalars = first_step(tmp_path / "value", max_gradient_value=0.01)
    cut = {name: g.clamp(-0.01, 0.01) for name, g in plain[0].items()}
    assert all(torch.equal(gradients[name], cut[name]) for name in ("restorer", "degrader"))
    whole = get_total_norm([plain[0]["restorer"], plain[0]["degrader"]])
    assert scalars["generator_gradient_norm"] == pytest.approx(whole.item(), rel=1e-5)
    both, _ = first_step(tmp_path / "both", max_gradient_value=0.01, max_gradient_norm=0.02)
    norm = math.hypot(*(cut[name].norm().item() for name in ("restorer", "degrader")))
    torch.testing.assert_close(both["restorer"], cut["restorer"] * 0.02 / norm, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("limit", [0, -1.0, math.nan])
@pytest.mark.parametrize("name", ["max_gradient_norm", "max_gradient_value"])
def test_wrong_limit_is_refused(name: str, limit: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{name}: must be a number above 0, or null for none, got {limit}"):
        make_run(tmp_path, trainer={name: limit})


class SquaredScore:
    """A penalty whose value depends on the order of its images."""

    weight = 2.0

    def __call__(self, discriminator: torch.nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return discriminator(real).square().mean() + 3 * discriminator(fake).square().mean()


@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_penalties_of_both_discriminators_are_added_by_name_and_weight(
    plain: Step, tmp_path: Path, accumulation_steps: int
) -> None:
    penalties = {"drift": SquaredScore(), "r1": R1Penalty(weight=4.0)}
    gradients, scalars = first_step(tmp_path, discriminator_penalties=penalties, accumulation_steps=accumulation_steps)
    terms = {name: scalars[name] for name in ("poor_drift", "good_drift", "poor_r1", "good_r1")}
    assert min(terms.values()) > 0
    total = plain[1]["discriminator_loss"] + 2 * (terms["poor_drift"] + terms["good_drift"])
    assert scalars["discriminator_loss"] == pytest.approx(total + 4 * (terms["poor_r1"] + terms["good_r1"]), rel=1e-5)
    # mean((D - 1)^2) + mean(D^2) of the plain loss, without the penalties, stands by its names as before
    for name in ("poor_real", "poor_fake", "good_real", "good_fake", "generator_loss"):
        assert scalars[name] == pytest.approx(plain[1][name], rel=1e-5)
    torch.testing.assert_close(gradients["restorer"], plain[0]["restorer"], rtol=1e-3, atol=1e-6)
    assert not torch.allclose(gradients["poor_discriminator"], plain[0]["poor_discriminator"], rtol=1e-2)


def test_penalty_is_given_each_discriminator_with_its_real_and_its_generated_images(tmp_path: Path) -> None:
    given: list[tuple] = []

    class Recorder:
        weight = 0.0

        def __call__(self, *arguments: Any) -> torch.Tensor:
            given.append(arguments)
            return arguments[1].sum()

    trainer = make_run(
        tmp_path, max_epochs=1, trainer={"epoch_length": 1, "discriminator_penalties": {"seen": Recorder()}}
    )
    trainer.run()
    output = trainer.state.output
    wanted = [
        (trainer.poor_discriminator, output["poor"], output["degraded"]),
        (trainer.good_discriminator, output["good"], output["restored"]),
    ]
    for (network, real, fake), (judge, image, translated) in zip(given, wanted, strict=True):
        assert network is judge
        assert torch.equal(real, image)
        assert torch.equal(fake, translated)  # what the pool gives back as long as it is not full


def test_parts_of_a_batch_give_the_penalised_gradients_of_the_whole(tmp_path: Path) -> None:
    penalties = {"discriminator_penalties": {"r1": R1Penalty()}}
    whole, _ = first_step(tmp_path / "whole", **penalties)
    parts, _ = first_step(tmp_path / "parts", **penalties, accumulation_steps=2)
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-5)


def test_penalty_with_the_name_of_a_term_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="discriminator_penalties: poor_fake is the name of another loss term"):
        first_step(tmp_path, discriminator_penalties={"fake": R1Penalty()})


def test_norms_and_penalties_stand_in_metrics_and_tensorboard_under_their_update(tmp_path: Path) -> None:
    trainer = {"discriminator_penalties": {"r1": R1Penalty()}, "max_gradient_norm": 1.0, "precision": "bf16"}
    run(tmp_path, max_epochs=1, trainer=trainer)
    with (tmp_path / "metrics.csv").open() as file:
        (row,) = csv.DictReader(file)
    names = ("generator_gradient_norm", "discriminator_gradient_norm", "poor_r1", "good_r1")
    assert all(math.isfinite(float(row[name])) and float(row[name]) > 0 for name in names)
    tags = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Tags()["scalars"]
    assert {"generator/gradient_norm", "discriminator/gradient_norm", "discriminator/good_r1"} <= set(tags)

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

import math

import pytest
import torch

from monai_r2c.losses import RestoreToClassifyLoss, UnpairedDiscriminatorLoss

PASSES = ("restored", "degraded", "cycled_poor", "cycled_good", "identity_poor", "identity_good")


def _inputs() -> tuple[dict, dict, dict, dict]:
    full = lambda value: torch.full((2, 1, 4, 4), value)  # noqa: E731
    images = {"poor": full(0.0), "good": full(1.0), "cycled_poor": full(0.25), "cycled_good": full(0.5)}
    images |= {"identity_poor": full(-0.1), "identity_good": full(0.7)}
    logits = {name: torch.zeros(2, 2) for name in PASSES}
    scores = {"restored": torch.full((2, 1, 1, 1), 0.5), "degraded": torch.full((2, 1, 1, 1), -1.0)}
    labels = {"poor_label": torch.tensor([0, 1]), "good_label": torch.tensor([1, 1])}
    return images, logits, scores, labels


def test_every_term_is_the_one_computed_by_hand() -> None:
    losses = RestoreToClassifyLoss()(*_inputs())
    expected = {
        "adversarial_restored": 0.25,
        "adversarial_degraded": 4.0,
        "cycle_poor": 0.25,
        "cycle_good": 0.5,
        "identity_poor": 0.1,
        "identity_good": 0.3,
        **{f"class_{name}": math.log(2) for name in PASSES},
    }
    expected["generator_loss"] = 4.25 + 10 * 0.75 + 5 * 0.4 + 0.6 * math.log(2)
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(expected)


def test_each_weight_scales_its_own_terms_alone() -> None:
    weights = {"adversarial_weight": 2.0, "cycle_weight": 3.0, "identity_weight": 4.0, "class_weight": 5.0}
    parts = {"adversarial_weight": 4.25, "cycle_weight": 0.75, "identity_weight": 0.4, "class_weight": 6 * math.log(2)}
    for name, weight in weights.items():
        only = {other: weight if other == name else 0.0 for other in weights}
        assert RestoreToClassifyLoss(**only)(*_inputs())["generator_loss"].item() == pytest.approx(weight * parts[name])


def test_class_terms_follow_the_label_of_the_pass_s_first_image() -> None:
    images, _, scores, labels = _inputs()
    sure_of_one = torch.tensor([[-20.0, 20.0]] * 2)
    losses = RestoreToClassifyLoss()(images, dict.fromkeys(PASSES, sure_of_one), scores, labels)
    for name in ("degraded", "cycled_good", "identity_good"):  # labels 1, 1
        assert losses[f"class_{name}"].item() == pytest.approx(0, abs=1e-6)
    for name in ("restored", "cycled_poor", "identity_poor"):  # labels 0, 1
        assert losses[f"class_{name}"].item() == pytest.approx(20, rel=1e-3)


def test_label_weights_weigh_the_classes() -> None:
    images, logits, scores, labels = _inputs()
    logits["restored"] = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    losses = RestoreToClassifyLoss(label_weights=[1.0, 3.0])(images, logits, scores, labels)
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert losses["class_restored"].item() == pytest.approx((right + 3 * wrong) / 4)


def test_losses_are_float32_whatever_comes_in() -> None:
    images, logits, scores, labels = _inputs()
    half = [{k: v.bfloat16() for k, v in tensors.items()} for tensors in (images, logits, scores)]
    assert all(value.dtype == torch.float32 for value in RestoreToClassifyLoss()(*half, labels).values())


def test_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle_weight must be at least 0, got -1"):
        RestoreToClassifyLoss(cycle_weight=-1)


def test_discriminator_loss_is_the_sum_without_a_half() -> None:
    maps = lambda value: torch.full((1, 1, 2, 2), value)  # noqa: E731
    losses = UnpairedDiscriminatorLoss()({"poor": maps(0.5), "good": maps(1.0)}, {"poor": maps(0.5), "good": maps(2.0)})
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(
        {"poor_real": 0.25, "poor_fake": 0.25, "good_real": 0.0, "good_fake": 4.0, "discriminator_loss": 4.5}
    )

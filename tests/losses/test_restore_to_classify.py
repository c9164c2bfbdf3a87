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
from typing import Any

import pytest
import torch

from monai_r2c.losses import RestoreToClassifyLoss, UnpairedDiscriminatorLoss
from monai_r2c.utils import InputError

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


def test_synthetic_images_add_their_distance_and_a_class_term_of_the_good_image() -> None:
    images, logits, scores, labels = _inputs()
    plain = RestoreToClassifyLoss()(images, logits, scores, labels)
    images |= {"synthetic_restored": torch.full((2, 1, 4, 4), 0.6), "synthetic_reference": images["good"]}
    logits["synthetic_restored"] = torch.tensor([[0.0, 2.0]] * 2)
    found = RestoreToClassifyLoss(synthetic_weight=20.0)(images, logits, scores, labels)
    assert set(found) - set(plain) == {"synthetic_absolute", "class_synthetic_restored"}
    assert found["synthetic_absolute"].item() == pytest.approx(0.4)
    right = math.log(1 + math.exp(-2))  # the good images are of class 1
    assert found["class_synthetic_restored"].item() == pytest.approx(right)
    total = plain["generator_loss"].item() + 20 * 0.4 + 0.1 * right
    assert found["generator_loss"].item() == pytest.approx(total)


def test_structure_of_synthetic_images_is_one_less_ssim_on_positive_values() -> None:
    images, logits, scores, labels = _inputs()
    flat = torch.ones(2, 1, 16, 16)
    images |= {"synthetic_restored": 0 * flat, "synthetic_reference": 0.5 * flat}
    logits["synthetic_restored"] = torch.zeros(2, 2)
    loss = RestoreToClassifyLoss(synthetic_weight=20.0, structure_weight=3.0)
    found = loss(images, logits, scores, labels)
    # flat images differ in luminance alone: (2 a b + c) / (a^2 + b^2 + c) of 1 and 1.5, with c = (0.01 * 2)^2;
    # MONAI's window does not sum to one exactly
    expected = 1 - (3 + 4e-4) / (3.25 + 4e-4)
    assert found["structure_synthetic"].item() == pytest.approx(expected, abs=1e-3)
    without = RestoreToClassifyLoss(synthetic_weight=20.0)(images, logits, scores, labels)
    assert set(found) - set(without) == {"structure_synthetic"}
    difference = found["generator_loss"].item() - without["generator_loss"].item()
    assert difference == pytest.approx(3 * found["structure_synthetic"].item(), rel=1e-4)


def test_detail_is_the_difference_of_mean_gradients_in_windows() -> None:
    images, logits, scores, labels = _inputs()
    rows = torch.arange(16.0)[:, None].expand(16, 16)
    ramp = torch.stack([0.02 * rows, 0.02 * rows.T])[:, None]
    images |= {"synthetic_restored": ramp.flip(0), "synthetic_reference": 1.5 * ramp}
    logits["synthetic_restored"] = torch.zeros(2, 2)
    loss = RestoreToClassifyLoss(synthetic_weight=20.0, detail_weight=4.0)
    found = loss(images, logits, scores, labels)
    # steps of 0.02 a pixel, whichever way, against 0.03
    assert found["detail_synthetic"].item() == pytest.approx(0.01, abs=1e-4)
    without = RestoreToClassifyLoss(synthetic_weight=20.0)(images, logits, scores, labels)
    difference = found["generator_loss"].item() - without["generator_loss"].item()
    assert difference == pytest.approx(4 * found["detail_synthetic"].item(), rel=1e-4)
    images["synthetic_restored"] = ramp.clone().requires_grad_()
    loss(images, logits, scores, labels)["detail_synthetic"].backward()
    assert images["synthetic_restored"].grad.isfinite().all()


def test_structure_is_computed_in_float32_within_autocast() -> None:
    images, logits, scores, labels = _inputs()
    generator = torch.Generator().manual_seed(0)
    images["synthetic_reference"] = torch.rand(2, 1, 16, 16, generator=generator)
    images["synthetic_restored"] = images["synthetic_reference"] + 0.01
    logits["synthetic_restored"] = torch.zeros(2, 2)
    loss = RestoreToClassifyLoss(synthetic_weight=1.0, structure_weight=1.0)
    expected = loss(images, logits, scores, labels)["structure_synthetic"]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(loss(images, logits, scores, labels)["structure_synthetic"], expected)


def test_synthetic_weight_of_zero_leaves_them_out() -> None:
    images, logits, scores, labels = _inputs()
    plain = RestoreToClassifyLoss()(images, logits, scores, labels)
    images["synthetic_restored"] = images["synthetic_reference"] = images["good"]
    assert RestoreToClassifyLoss()(images, logits, scores, labels) == plain


def test_synthetic_weight_without_synthetic_images_is_refused() -> None:
    with pytest.raises(InputError, match=r"synthetic_weight: is 10\.0, but there are no synthetic images"):
        RestoreToClassifyLoss(synthetic_weight=10.0)(*_inputs())


def test_synthetic_images_without_their_weight_are_refused() -> None:
    with pytest.raises(InputError, match="synthetic_weight: is 0, so a warm start would learn no restoration"):
        RestoreToClassifyLoss().synthetic({}, {}, {})
    for name in ("structure_weight", "detail_weight"):
        with pytest.raises(InputError, match=f"{name}: needs a synthetic_weight above 0"):
            RestoreToClassifyLoss(**{name: 1.0})


def _class_term(logits: list, labels: list[int], **settings: Any) -> float:
    """One class term of logits by item; the other passes have zeros."""
    images, others, scores, _ = _inputs()
    known = torch.tensor(labels)
    all_logits = dict.fromkeys(others, torch.zeros(len(labels), len(logits[0]))) | {"restored": torch.tensor(logits)}
    losses = RestoreToClassifyLoss(**settings)(
        images, all_logits, scores, {"poor_label": known, "good_label": torch.zeros_like(known)}
    )
    return losses["class_restored"].item()


RIGHT, WRONG = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))  # cross-entropies of logits 2 apart


@pytest.mark.parametrize(("label", "expected"), [(0, 3 * RIGHT), (1, 0.5 * WRONG)], ids=["weighed up", "weighed down"])
def test_label_weights_count_in_a_batch_of_one(label: int, expected: float) -> None:
    assert _class_term([[2.0, 0.0]], [label], label_weights=[3.0, 0.5]) == pytest.approx(expected)


def test_label_weights_scale_each_item_before_the_mean_over_the_batch() -> None:
    term = _class_term([[2.0, 0.0]] * 4, [0, 0, 0, 1], label_weights=[1, 9])
    assert term == pytest.approx((3 * RIGHT + 9 * WRONG) / 4)


def test_label_weights_of_one_are_none_and_of_zero_silence_a_class() -> None:
    logits, labels = [[2.0, 0.0], [0.5, 1.0], [-1.0, 3.0]], [0, 0, 1]
    assert _class_term(logits, labels, label_weights=(1, 1)) == pytest.approx(_class_term(logits, labels))
    assert _class_term([[2.0, 0.0]], [0], label_weights=[0, 1]) == 0


def test_label_weights_of_parts_of_a_batch_average_to_those_of_the_whole() -> None:
    logits, labels = [[2.0, 0.0], [0.5, 1.0], [-1.0, 3.0], [0.0, 1.0]], [0, 0, 0, 1]
    parts = [_class_term(logits[i : i + 2], labels[i : i + 2], label_weights=[1.0, 9.0]) for i in (0, 2)]
    assert sum(parts) / 2 == pytest.approx(_class_term(logits, labels, label_weights=[1.0, 9.0]))


@pytest.mark.parametrize("weights", [[1.0, math.nan], [1.0, math.inf], [1.0, -1.0], [[1.0, 2.0]], 2.0, "1,2", ["a"]])
def test_label_weights_that_are_none_are_refused(weights: Any) -> None:
    with pytest.raises(InputError, match=r"^label_weights: must be a list of finite numbers of at least 0[^\n]*$"):
        RestoreToClassifyLoss(label_weights=weights)


def test_label_weights_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(InputError, match="label_weights: 3 weights for 2 classes; give one for each"):
        RestoreToClassifyLoss(label_weights=[1.0, 2.0, 3.0])(*_inputs())


def test_losses_are_float32_whatever_comes_in() -> None:
    images, logits, scores, labels = _inputs()
    half = [{k: v.bfloat16() for k, v in tensors.items()} for tensors in (images, logits, scores)]
    assert all(value.dtype == torch.float32 for value in RestoreToClassifyLoss()(*half, labels).values())


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_weight_that_is_negative_or_not_finite_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match=f"cycle_weight must be at least 0, got {weight}"):
        RestoreToClassifyLoss(cycle_weight=weight)


def test_discriminator_loss_is_the_sum_without_a_half() -> None:
    maps = lambda value: torch.full((1, 1, 2, 2), value)  # noqa: E731
    losses = UnpairedDiscriminatorLoss()({"poor": maps(0.5), "good": maps(1.0)}, {"poor": maps(0.5), "good": maps(2.0)})
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(
        {"poor_real": 0.25, "poor_fake": 0.25, "good_real": 0.0, "good_fake": 4.0, "discriminator_loss": 4.5}
    )

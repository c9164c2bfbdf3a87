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
from dataclasses import replace

import pytest
import torch
from monai.networks.nets import DenseNet121

from monai_r2c.data.quality import measure_quality
from monai_r2c.metrics import (
    DESCRIPTIONS,
    SCORES,
    ClassPreservationMetric,
    CycleErrorMetric,
    QualityMetric,
    ReferenceMetric,
    StructuralChangeMetric,
    describe_score,
    structural_change,
    structural_change_map,
)
from monai_r2c.networks import R2CGenerator


def _smooth(count: int, size: int = 64) -> torch.Tensor:
    coarse = torch.rand(count, 1, 5, 5, generator=torch.Generator().manual_seed(count))
    return torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0.1, 0.9)


def test_quality_is_the_mean_of_what_measure_quality_finds() -> None:
    images = _smooth(3)
    metric = QualityMetric(resamples=50)
    metric(images)
    scores, found = metric.aggregate(), [measure_quality(image) for image in images]
    assert scores["noise"] == pytest.approx(sum(m.noise_sigma for m in found) / 3)
    assert scores["contrast"] == pytest.approx(sum(m.contrast for m in found) / 3)
    assert scores["exposure"] == pytest.approx(sum(m.mean for m in found) / 3)
    sharpness = [m.sharpness for m in found]
    assert min(sharpness) <= scores["sharpness"].low < scores["sharpness"] < scores["sharpness"].high <= max(sharpness)


def test_structure_ignores_brightness_contrast_and_noise_but_not_what_is_gone() -> None:
    image = _smooth(1, 128)
    noisy = (image + 0.05 * torch.randn(image.shape)).clamp(0, 1)
    assert structural_change(0.5 * image + 0.2, image).item() < 0.02
    assert structural_change(noisy, image).item() < 0.1
    erased = image.clone()
    erased[..., 32:64, 32:64] = image[..., 32:64, 32:64].mean()
    change = structural_change_map(erased, image)[0, 0]
    assert structural_change(erased, image).item() > 0.2
    assert change[40:56, 40:56].mean() > 10 * change[90:, 90:].mean()


def test_inverted_image_changes_structure_most() -> None:
    image = _smooth(1)
    change = structural_change_map(1 - image, image)
    assert change.max() == pytest.approx(1, abs=0.05)
    assert structural_change_map(image, image).max() == pytest.approx(0, abs=1e-5)


def test_images_above_the_good_domains_quantile_are_flagged() -> None:
    images = _smooth(6)
    good = StructuralChangeMetric(resamples=0)
    good(0.9 * images, images)
    poor = StructuralChangeMetric(good=good, resamples=0)
    poor(torch.cat([1 - images[:1], images[1:4]]), images[:4])
    assert poor.image_values()["structure_flagged"].tolist() == [1, 0, 0, 0]
    assert poor.aggregate()["structure_flagged"] == 0.25
    assert "structure_flagged" not in good.aggregate()


def test_too_few_good_images_give_no_flag_but_the_reason() -> None:
    images = _smooth(4)
    good = StructuralChangeMetric(resamples=0)
    good(images, images)
    poor = StructuralChangeMetric(good=good, resamples=5)
    poor(images, images)
    flagged = poor.aggregate()["structure_flagged"]
    assert math.isnan(flagged)
    assert flagged.reason == "fewer than 5 good images"


def test_class_preserved_counts_equal_classes() -> None:
    metric = ClassPreservationMetric(resamples=0)
    metric(torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]), torch.tensor([[0.6, 0.4], [0.4, 0.6], [0.1, 0.9]]))
    metric(torch.full((1, 2), torch.nan), torch.tensor([[0.9, 0.1]]))  # neither kept nor lost
    assert metric.aggregate()["class_preserved"] == pytest.approx(2 / 3)


def test_class_preserved_by_any_monai_network_in_the_range_it_was_trained_on() -> None:
    class Brightness(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([-x.mean((1, 2, 3)), x.mean((1, 2, 3))], 1)

    dark, bright = torch.full((2, 1, 8, 8), 0.3), torch.full((2, 1, 8, 8), 0.7)
    for value_range, preserved in {(0.0, 1.0): 1, (-1.0, 1.0): 0}.items():
        metric = ClassPreservationMetric(Brightness(), value_range, resamples=0)
        metric(bright, dark)
        assert metric.aggregate()["class_preserved"] == preserved
    metric = ClassPreservationMetric(DenseNet121(2, 1, 3, init_features=8, block_config=(1, 1)), resamples=0)
    metric(_smooth(2), _smooth(2))
    assert metric.aggregate()["class_preserved"] == 1
    assert metric.classifier.training


def test_cycle_error_of_a_known_degrader() -> None:
    class Darker(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return image - 0.2, torch.zeros(len(image), 2)

    metric = CycleErrorMetric(Darker(), resamples=0)
    metric(torch.full((2, 1, 8, 8), 0.5), torch.full((2, 1, 8, 8), 0.5))
    assert metric.aggregate()["cycle_error"] == pytest.approx(0.1)  # 0.2 in [-1, 1] is 0.1 in [0, 1]


def test_cycle_error_of_a_generator_is_deterministic_and_within_range() -> None:
    degrader = R2CGenerator(2, features=4)
    errors = []
    for _ in range(2):
        metric = CycleErrorMetric(degrader, resamples=0)
        metric(_smooth(2, 32), _smooth(2, 32))
        errors.append(metric.aggregate()["cycle_error"])
    assert 0 < errors[0] == errors[1] < 1


def test_every_score_says_its_range_and_direction() -> None:
    names = {*SCORES, *ReferenceMetric.names, *QualityMetric.names, *StructuralChangeMetric.names, "structure_flagged"}
    assert names <= set(DESCRIPTIONS)
    assert all(description.value_range and description.meaning for description in DESCRIPTIONS.values())
    assert describe_score("f1_restored") == describe_score("f1")
    assert describe_score("f1").better == "higher"
    assert replace(describe_score("niqe"), title="x").better == "lower"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_quality_of_an_image_that_is_not_finite_is_undefined(value: float) -> None:
    images = torch.full((2, 1, 16, 16), 0.2)
    images[0, 0, 3, 3] = value
    metric = QualityMetric(resamples=0)
    metric(images)
    exposure = metric.aggregate()["exposure"]
    assert (exposure, exposure.images) == (51, 1)
    metric.reset()
    metric(images[:1])
    assert [score.reason for score in metric.aggregate().values()] == ["no image is finite"] * 4


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_structure_of_an_image_that_is_not_finite_is_neither_changed_nor_kept(value: float) -> None:
    images = _smooth(7)
    broken = images.clone()
    broken[0, 0, 3, 3] = value
    good = StructuralChangeMetric(resamples=0)
    good(0.9 * broken, images)
    assert good.aggregate()["structural_change"].images == 6
    poor = StructuralChangeMetric(good=good, resamples=0)
    poor(torch.cat([broken[:1], 1 - images[1:2], images[2:4]]), images[:4])
    flagged = poor.aggregate()["structure_flagged"]
    assert (flagged, flagged.images) == (pytest.approx(1 / 3), 3)
    poor.reset()
    poor(broken[:1], images[:1])
    assert [score.reason for score in poor.aggregate().values()] == ["no image is finite"] * 2
    good.reset()
    good(broken[:5], images[:5])
    assert [score.reason for score in poor.aggregate().values()] == ["no image is finite", "fewer than 5 good images"]

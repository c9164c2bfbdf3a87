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

from monai_r2c.data import PhantomChest
from monai_r2c.transforms import RandPoorQuality, RandQuantumNoise
from monai_r2c.transforms.degradation.contrast_loss import RandContrastLoss
from monai_r2c.transforms.degradation.exposure import RandExposure
from monai_r2c.transforms.degradation.radiograph_blur import RandRadiographBlur


def test_faults_act_in_physical_order():
    kinds = [type(fault) for fault in RandPoorQuality().faults]
    assert kinds == [RandRadiographBlur, RandContrastLoss, RandExposure, RandQuantumNoise]


def test_the_blend_is_its_faults_one_after_the_other():
    image = torch.rand(1, 32, 32)
    blend = RandPoorQuality(fault_prob=1.0, prob=1.0).set_random_state(0)
    blended = blend(image)
    for fault in blend.faults:
        image = fault(image, randomize=False)
    torch.testing.assert_close(blended, image)


@pytest.mark.parametrize(("fault_prob", "expected"), [(0.0, 1), (1.0, 4)])
def test_number_of_faults(fault_prob, expected):
    blend = RandPoorQuality(fault_prob=fault_prob, prob=1.0).set_random_state(0)
    for _ in range(20):
        blend.randomize()
        assert sum(blend.drawn) == expected


def test_each_fault_is_chosen_when_none_is_drawn():
    blend = RandPoorQuality(fault_prob=0.0, prob=1.0).set_random_state(0)
    chosen = set()
    for _ in range(60):
        blend.randomize()
        chosen.add(blend.drawn.index(True))
    assert chosen == {0, 1, 2, 3}


def test_each_fault_takes_part_as_often_as_stated():
    blend = RandPoorQuality(fault_prob=0.5, prob=1.0).set_random_state(0)
    counts = torch.zeros(4)
    for _ in range(400):
        blend.randomize()
        counts += torch.tensor(blend.drawn)
    # a half, and a quarter of the sixteenth without any
    assert counts.sub(400 * (0.5 + 1 / 64)).abs().max() < 40


def test_images_that_keep_their_tone_have_every_other_fault():
    blend = RandPoorQuality(gamma=2.0, cut=0.1, fault_prob=1.0, tone_fault_prob=0.5, prob=1.0).set_random_state(0)
    drawn = []
    for _ in range(200):
        blend.randomize()
        drawn.append(tuple(blend.drawn))  # blur, scatter, exposure, noise, tone curve, window
    assert set(drawn) == {(True,) * 6, (True, True, False, True, False, False)}
    assert 80 < drawn.count((True,) * 6) < 120


def test_the_one_fault_of_an_image_that_keeps_its_tone_is_none_of_tone():
    blend = RandPoorQuality(fault_prob=0.0, tone_fault_prob=0.0, prob=1.0).set_random_state(0)
    for _ in range(50):
        blend.randomize()
        assert sum(blend.drawn) == 1
        assert not blend.drawn[2]


def test_a_range_of_fault_prob_gives_images_of_few_and_of_all_faults():
    blend = RandPoorQuality(fault_prob=(0.0, 1.0), prob=1.0).set_random_state(0)
    counts = torch.zeros(5)
    for _ in range(500):
        blend.randomize()
        counts[sum(blend.drawn)] += 1
    # the integral over p of the binomial distribution is even: 1/5 each, and what has none gets one
    assert counts.sub(500 * torch.tensor([0.0, 0.4, 0.2, 0.2, 0.2])).abs().max() < 40


def test_poor_phantoms_lose_quality_but_not_all():
    films = [torch.from_numpy(PhantomChest(0, i, size=96).radiograph())[None].float() for i in range(4)]
    blend = RandPoorQuality(prob=1.0).set_random_state(0)
    decibel = [-10 * math.log10(float((blend(film) - film).square().mean())) for film in films for _ in range(15)]
    assert 18 < sum(decibel) / len(decibel) < 25
    assert min(decibel) > 10

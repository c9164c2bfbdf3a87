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

from monai_r2c.losses import R1Penalty
from monai_r2c.networks import R2CDiscriminator
from monai_r2c.utils import InputError

SIZES = {1: (16,), 2: (16, 24), 3: (8, 8, 16)}


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
@pytest.mark.parametrize("batch", [1, 4])
def test_r1_of_a_score_that_is_a_multiple_of_its_pixel_is_half_the_square(size: tuple, batch: int) -> None:
    discriminator = torch.nn.Conv2d(1, 1, 1)
    torch.nn.init.constant_(discriminator.weight, 3.0)
    penalty = R1Penalty()(discriminator, torch.rand(batch, 1, *size))
    penalty.backward()
    assert penalty.item() == pytest.approx(9 / 2)
    assert discriminator.weight.grad.item() == pytest.approx(3)
    assert discriminator.bias.grad is None or discriminator.bias.grad.item() == 0


def test_r1_of_one_score_for_an_image_is_half_the_squared_norm_of_its_slope() -> None:
    discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        discriminator[1].weight.copy_(torch.tensor([[1.0, -2.0, 4.0]]))
    assert R1Penalty()(discriminator, torch.rand(5, 1, 3)).item() == pytest.approx((1 + 4 + 16) / 2)


@pytest.mark.parametrize("variant", ["operational", "convolutional", "convolutional_light"])
@pytest.mark.parametrize("spatial_dims", [1, 2, 3])
def test_r1_of_every_discriminator_has_the_slope_of_finite_differences(variant: str, spatial_dims: int) -> None:
    discriminator = R2CDiscriminator(spatial_dims, variant=variant, features=2).double()
    image = (torch.rand(2, 1, *SIZES[spatial_dims]) * 2 - 1).double()
    found = R1Penalty()(discriminator.float(), image.float())
    discriminator = discriminator.double()
    leaf = image.clone().requires_grad_()
    scores = discriminator(leaf)
    (slope,) = torch.autograd.grad(scores.sum(), leaf)
    # along the slope the sum of scores rises by its norm
    step = 1e-6 * slope / slope.norm()
    with torch.no_grad():
        rise = (discriminator(image + step).sum() - discriminator(image - step).sum()) / 2e-6
    assert found.item() == pytest.approx((rise.square() / (2 * scores.numel())).item(), rel=1e-4)


def test_r1_is_float32_and_the_same_under_bf16() -> None:
    discriminator, image = R2CDiscriminator(2, features=4), torch.rand(2, 1, 16, 16)
    expected = R1Penalty()(discriminator, image)
    with torch.autocast("cpu", torch.bfloat16):
        found = R1Penalty()(discriminator, image.bfloat16().float())
        same = R1Penalty()(discriminator, image)
    assert found.dtype == torch.float32
    assert same.item() == expected.item()


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_wrong_weight_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match=f"weight of R1Penalty: must be a finite number of at least 0, got {weight}"):
        R1Penalty(weight)

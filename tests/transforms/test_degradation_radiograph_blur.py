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

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_r2c.transforms import RandRadiographBlur
from monai_r2c.transforms.degradation.blur_kernels import ball_kernel, line_kernel
from monai_r2c.utils import InputError

KERNELS = {
    "interval": ball_kernel([2.3]),
    "disc": ball_kernel([3.0, 3.0]),
    "small disc": ball_kernel([0.2, 0.2]),
    "ellipse": ball_kernel([1.0, 4.0]),
    "ball": ball_kernel([2.0, 2.0, 2.0]),
    "along rows": line_kernel([0.0, 5.0]),
    "diagonal": line_kernel([4.0, -3.0]),
    "in space": line_kernel([1.0, 2.0, 3.0]),
}
every_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def variance(kernel: torch.Tensor, axis: int) -> float:
    at = torch.arange(kernel.shape[axis]) - kernel.shape[axis] // 2
    profile = kernel.sum([a for a in range(kernel.dim()) if a != axis]) if kernel.dim() > 1 else kernel
    return float((profile * at**2).sum())


@every_kernel
def test_kernel_sums_to_one(kernel):
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)


@every_kernel
def test_kernel_is_symmetric_about_its_centre(kernel):
    assert all(side % 2 == 1 for side in kernel.shape)
    torch.testing.assert_close(kernel, kernel.flip(list(range(kernel.dim()))))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_ball_has_the_variance_of_an_even_ball(dims):
    # r^2 / (n + 2) along each axis, and 1 / 12 for the pixel
    assert variance(ball_kernel([4.0] * dims), 0) == pytest.approx(16 / (dims + 2) + 1 / 12, rel=0.03)


def test_ball_smaller_than_a_pixel_is_one_pixel():
    assert torch.equal(ball_kernel([0.4, 0.4]), torch.ones(1, 1))


def test_line_along_columns_is_a_box():
    kernel = line_kernel([0.0, 4.0])
    assert kernel.shape == (1, 5)
    torch.testing.assert_close(kernel[0], torch.tensor([1, 2, 2, 2, 1]) / 8, atol=0.005, rtol=0)


def test_line_has_the_variance_of_even_motion():
    # l^2 / 12 along each axis, and at most 1 / 4 for sharing between pixels
    kernel = line_kernel([6.0, 8.0])
    assert 36 / 12 <= variance(kernel, 0) <= 36 / 12 + 0.25
    assert 64 / 12 <= variance(kernel, 1) <= 64 / 12 + 0.25


@pytest.mark.parametrize("profile", ["gaussian", "disc"])
def test_even_area_stays_even(profile):
    even = torch.full((1, 20, 20), 0.3)
    blurred = RandRadiographBlur(focal_sigma=2.0, motion=7.0, focal_profile=profile, prob=1.0)(even)
    torch.testing.assert_close(blurred, even, atol=1e-5, rtol=0)


@pytest.mark.parametrize("profile", ["gaussian", "disc"])
def test_blur_moves_no_mass(profile):
    latitude = 1.0
    point = torch.ones(1, 41, 41)
    point[0, 20, 20] = 0.0
    blur = RandRadiographBlur(focal_sigma=1.5, motion=6.0, focal_profile=profile, prob=1.0, latitude=latitude)
    added = torch.pow(10.0, -latitude * blur.set_random_state(0)(point)[0]) - 0.1
    at = torch.arange(41.0)
    assert float(added.sum()) == pytest.approx(0.9, abs=1e-3)
    assert float((added.sum(1) * at).sum() / added.sum()) == pytest.approx(20, abs=1e-2)
    assert float((added.sum(0) * at).sum() / added.sum()) == pytest.approx(20, abs=1e-2)


@pytest.mark.parametrize("profile", ["gaussian", "disc"])
def test_focal_sigma_is_the_standard_deviation_of_a_blurred_point(profile):
    point = torch.ones(1, 41, 41)
    point[0, 20, 20] = 0.0
    blur = RandRadiographBlur(focal_sigma=2.5, motion=0.0, focal_profile=profile, prob=1.0, latitude=1.0)
    added = torch.pow(10.0, -blur(point)[0]) - 0.1
    measured = math.sqrt(variance(added / added.sum(), 0))
    assert measured == pytest.approx(2.5, rel=0.03)


def test_motion_has_every_direction():
    blur = RandRadiographBlur(prob=1.0).set_random_state(0)
    angles = []
    for _ in range(400):
        blur.randomize()
        angles.append(math.atan2(blur.direction[1], blur.direction[0]) % math.pi)
    counts, _ = np.histogram(angles, bins=4, range=(0, math.pi))
    assert counts.min() > 60


def test_millimetres_are_pixels_of_the_stated_spacing():
    image = torch.rand(1, 24, 24)
    spaced = MetaTensor(image, affine=torch.diag(torch.tensor([0.5, 0.5, 1.0, 1.0], dtype=torch.float64)))
    in_mm = RandRadiographBlur(focal_sigma=0.6, motion=2.0, unit="mm", prob=1.0).set_random_state(0)
    in_pixels = RandRadiographBlur(focal_sigma=1.2, motion=4.0, prob=1.0).set_random_state(0)
    torch.testing.assert_close(in_mm(spaced).as_tensor(), in_pixels(image))


def test_millimetres_follow_the_spacing_of_each_axis():
    point = torch.ones(1, 41, 41)
    point[0, 20, 20] = 0.0
    spaced = MetaTensor(point, affine=torch.diag(torch.tensor([0.5, 2.0, 1.0, 1.0], dtype=torch.float64)))
    blur = RandRadiographBlur(focal_sigma=2.0, motion=0.0, unit="mm", prob=1.0, latitude=1.0)
    added = torch.pow(10.0, -blur(spaced).as_tensor()[0]) - 0.1
    added = added / added.sum()
    assert variance(added, 0) == pytest.approx((2.0 / 0.5) ** 2, rel=0.03)
    assert variance(added, 1) == pytest.approx((2.0 / 2.0) ** 2 + 1 / 12, rel=0.03)


def test_millimetres_need_meta_data():
    with pytest.raises(InputError, match="an image whose spacing is known"):
        RandRadiographBlur(unit="mm", prob=1.0)(torch.rand(1, 8, 8))

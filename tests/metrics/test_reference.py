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
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from monai_r2c.metrics import ReferenceMetric


def _pair(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 1, size, size, generator=generator)
    return (image + 0.1 * torch.randn(image.shape, generator=generator)).clamp(0, 1), image


def test_psnr_of_a_constant_error_by_hand() -> None:
    metric = ReferenceMetric(resamples=0)
    metric(torch.full((1, 1, 16, 16), 0.6), torch.full((1, 1, 16, 16), 0.5))
    assert metric.aggregate()["psnr"] == pytest.approx(20, abs=1e-4)  # error 0.1: 10 log10(1 / 0.01)


def test_psnr_and_ssim_equal_those_of_scikit_image() -> None:
    image, reference = _pair(48)
    metric = ReferenceMetric(resamples=0)
    metric(image, reference)
    values = metric.image_values()
    for i in range(2):
        a, b = image[i, 0].double().numpy(), reference[i, 0].double().numpy()
        assert values["psnr"][i] == pytest.approx(peak_signal_noise_ratio(b, a, data_range=1), abs=1e-4)
        _, similarity_map = structural_similarity(
            a, b, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )
        # MONAI keeps the pixels whose whole window lies inside
        assert values["ssim"][i] == pytest.approx(similarity_map[5:-5, 5:-5].mean(), abs=1e-4)


def test_equal_images_are_perfect() -> None:
    image = _pair(176)[0]
    metric = ReferenceMetric(resamples=10)
    metric(image, image)
    scores = metric.aggregate()
    assert scores["psnr"] == math.inf
    assert scores["ssim"] == scores["ms_ssim"] == pytest.approx(1)
    assert scores["psnr"].low == math.inf


def test_multi_scale_ssim_falls_with_noise() -> None:
    image = _pair(176)[0][:1]
    scores = []
    for sigma in (0.02, 0.2):
        metric = ReferenceMetric(resamples=0)
        metric(image + sigma * torch.randn(image.shape), image)
        scores.append(metric.aggregate()["ms_ssim"])
    assert 1 > scores[0] > scores[1] > 0


def test_small_images_leave_multi_scale_ssim_undefined_with_the_reason() -> None:
    metric = ReferenceMetric(resamples=10)
    metric(*_pair(64))
    scores = metric.aggregate()
    assert math.isnan(scores["ms_ssim"])
    assert scores["ms_ssim"].reason == "needs images of at least 176 pixels a side"
    assert scores["ssim"].low <= scores["ssim"] <= scores["ssim"].high


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_image_that_is_not_finite_has_no_score_and_the_others_keep_theirs(value: float) -> None:
    reference = torch.full((2, 1, 16, 16), 0.5)
    image = reference + 0.1
    image[0, 0, 3, 3] = value
    metric = ReferenceMetric(resamples=0)
    metric(image, reference)
    psnr = metric.aggregate()["psnr"]
    assert (psnr, psnr.images) == (pytest.approx(20, abs=1e-4), 1)
    assert all(math.isnan(values[0]) for values in metric.image_values().values())
    metric.reset()
    metric(image[:1], reference[:1])
    assert [score.reason for score in metric.aggregate().values()] == ["no image is finite"] * 3

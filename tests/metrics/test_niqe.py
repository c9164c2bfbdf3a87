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
from scipy import ndimage, stats

from monai_r2c.metrics import NIQEMetric, fit_niqe, niqe
from monai_r2c.metrics.scene_statistics import fit_asymmetric, scene_statistics


def _natural(count: int, seed: int = 0, size: int = 64) -> list[torch.Tensor]:
    generator = np.random.default_rng(seed)
    images = []
    for _ in range(count):
        # noise whose power falls with the frequency squared, as that of natural images does
        frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
        frequency[0, 0] = 1
        image = np.fft.ifft2(np.fft.fft2(generator.normal(size=(size, size))) / frequency).real
        images.append(torch.from_numpy((image - image.min()) / np.ptp(image))[None].float())
    return images


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0, 4.0])
def test_fit_finds_the_generalised_gaussian_that_it_was_given(shape: float) -> None:
    values = stats.gennorm(shape, scale=3).rvs(200_000, random_state=0)[None]
    found, left, right = fit_asymmetric(values)
    assert found[0] == pytest.approx(shape, rel=0.03)
    assert left[0] == pytest.approx(3, rel=0.03)
    assert right[0] == pytest.approx(3, rel=0.03)


def test_fit_tells_left_from_right() -> None:
    values = np.abs(stats.norm.rvs(size=100_000, random_state=0))
    # of an asymmetric Gaussian, each side holds a share in proportion to its scale
    values[:75_000] *= 3
    values[75_000:] *= -1
    shape, left, right = fit_asymmetric(values[None])
    assert shape[0] == pytest.approx(2, rel=0.05)
    assert right[0] / left[0] == pytest.approx(3, rel=0.02)
    assert left[0] == pytest.approx(math.sqrt(2), rel=0.03)


def test_statistics_have_36_features_a_patch_and_white_noise_is_gaussian() -> None:
    gray = np.random.default_rng(0).normal(128, 20, (128, 140))
    features, sharpness = scene_statistics(gray, 64)
    assert features.shape == (4, 36)
    assert sharpness.mean() == pytest.approx(20, rel=0.05)
    assert features[:, 18] == pytest.approx(features[:, 18].mean(), rel=0.3)
    assert 1.7 < features[:, 0].mean() < 4  # normalised by their own neighbourhood: lighter tails than a Gaussian


def test_worse_images_lie_farther_from_the_good_domain() -> None:
    model = fit_niqe(_natural(12), patch=32)
    fresh = _natural(3, seed=1)
    good = np.mean([niqe(image, model) for image in fresh])
    noisy = np.mean([niqe((image + 0.1 * torch.randn(image.shape)).clamp(0, 1), model) for image in fresh])
    blurred = np.mean([niqe(torch.from_numpy(ndimage.gaussian_filter(image[0], 2))[None], model) for image in fresh])
    assert good < 0.7 * min(noisy, blurred)


def test_distance_by_hand() -> None:
    model = fit_niqe(_natural(6), patch=32)
    image = _natural(1, seed=2)[0]
    features, _ = scene_statistics(np.rint(image[0].double().numpy() * 255), 32)
    middle = (np.cov(features, rowvar=False) + model.covariance) / 2
    difference = features.mean(0) - model.mean
    assert niqe(image, model) == pytest.approx(math.sqrt(difference @ np.linalg.pinv(middle) @ difference))


def test_metric_is_the_mean_over_images() -> None:
    model = fit_niqe(_natural(6), patch=32)
    images = _natural(2, seed=3)
    metric = NIQEMetric(model, resamples=20)
    metric(images)
    score = metric.aggregate()["niqe"]
    assert score == pytest.approx(np.mean([niqe(image, model) for image in images]))
    assert score.low <= score <= score.high


def test_flat_or_tiny_images_are_undefined_with_the_reason() -> None:
    model = fit_niqe(_natural(4), patch=32)
    for image in (torch.full((1, 64, 64), 0.5), torch.rand(1, 16, 64)):
        metric = NIQEMetric(model, resamples=5)
        metric([image])
        assert metric.aggregate()["niqe"].reason == "every image is flat, not finite or smaller than a patch"


def test_good_images_that_cannot_be_fitted_are_the_reason() -> None:
    metric = NIQEMetric(fit_niqe([torch.full((1, 64, 64), 0.5)], patch=32), resamples=5)
    metric(_natural(1))
    assert metric.aggregate()["niqe"].reason == "the good images are flat or too small to fit it"


@pytest.mark.parametrize("patch", [0, 31])
def test_odd_patches_are_refused(patch: int) -> None:
    with pytest.raises(ValueError, match="patch must be an even number"):
        fit_niqe(_natural(1), patch=patch)


def test_large_images_are_reduced_to_the_models_size() -> None:
    model = fit_niqe(_natural(6), patch=32, size=64)
    large = _natural(1, size=128)[0]
    reduced = torch.nn.functional.interpolate(large[None].double(), (64, 64), mode="bicubic", antialias=True)[0]
    assert niqe(large, model) == pytest.approx(niqe(reduced.clamp(0, 1), model))

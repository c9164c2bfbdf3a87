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
from scipy.linalg import sqrtm

from monai_r2c.metrics import FeatureDistanceMetric, LayerFeatures, frechet_distance, kernel_distance
from monai_r2c.networks import R2CDiscriminator, R2CGenerator
from monai_r2c.utils import InputError


def test_frechet_distance_of_one_standard_deviation_is_one() -> None:
    features = torch.randn(5000, 2, dtype=torch.float64)
    assert frechet_distance(features + torch.tensor([1.0, 0.0]), features) == pytest.approx(1, abs=1e-6)


def test_frechet_distance_is_that_of_the_formula() -> None:
    a, b = torch.randn(40, 6, dtype=torch.float64) * 2, torch.randn(50, 6, dtype=torch.float64) + 0.5
    covariances = [np.cov(values.numpy(), rowvar=False) for values in (a, b)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-6)


def test_fewer_images_than_features_are_no_obstacle() -> None:
    a = torch.randn(5, 64, dtype=torch.float64)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a + 1, a) == pytest.approx(64, rel=1e-4)


def test_kernel_distance_is_zero_for_one_domain_and_known_for_two_points() -> None:
    a = torch.randn(40, 8)
    assert kernel_distance(a, torch.randn(60, 8)) == pytest.approx(0, abs=0.02)
    # far away, the cross term of the Gaussian kernel vanishes
    within = torch.exp(-(torch.pdist(a).square()) / (2 * torch.pdist(a).median() ** 2)).mean().item()
    assert kernel_distance(a + 100, a) == pytest.approx(2 * within, abs=0.05)


def test_features_are_the_layers_output_pooled_over_positions() -> None:
    discriminator = R2CDiscriminator(2, features=4)
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        output = discriminator.layers[:2](images * 2 - 1).double()
    for pooling, wanted in {"mean": output.mean((2, 3)), "max": output.amax((2, 3))}.items():
        features = LayerFeatures(discriminator, "layers.1", pooling=pooling)(images)
        assert features.numpy() == pytest.approx(wanted.numpy(), abs=1e-6)


def test_features_at_one_size_whatever_the_image() -> None:
    features = LayerFeatures(R2CGenerator(2, features=4), "trunk", size=32)
    assert features(torch.rand(2, 1, 48, 64)).shape == (2, 4)


def test_unknown_layer_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(InputError, match=r"layer: R2CDiscriminator has no 'head'; it has layers, "):
        LayerFeatures(R2CDiscriminator(2, features=4), "head")


def test_metric_measures_images_against_the_good_ones() -> None:
    def features(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).double()

    good = FeatureDistanceMetric(features)
    domain = torch.rand(30, 1, 2, 2)
    good(domain)
    distances = []
    for shift in (0.0, 0.5):
        metric = FeatureDistanceMetric(features, good)
        metric(domain + shift)
        metric(torch.full((1, 1, 2, 2), math.nan))  # is left out
        distances.append(metric.aggregate())
    assert good.aggregate() == {}
    assert distances[0]["frechet_distance"] == pytest.approx(0, abs=1e-6)
    assert distances[1]["frechet_distance"] == pytest.approx(4 * 0.25, rel=1e-5)
    assert distances[1]["kernel_distance"] > distances[0]["kernel_distance"]


def test_too_few_images_are_undefined_with_the_reason() -> None:
    good = FeatureDistanceMetric(lambda images: images.flatten(1))
    good(torch.rand(2, 1, 2, 2))
    metric = FeatureDistanceMetric(lambda images: images.flatten(1), good)
    metric(torch.rand(5, 1, 2, 2))
    score = metric.aggregate()["frechet_distance"]
    assert math.isnan(score)
    assert score.reason == "fewer than 3 images in one of the domains"


def test_layer_features_go_no_further_than_the_layer() -> None:
    class Rest(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            raise AssertionError("the network was run to its end")

    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), Rest())
    assert LayerFeatures(network, "0")(torch.rand(3, 1, 4, 4)).shape == (3, 2)


def test_layer_that_takes_no_part_is_refused() -> None:
    network = torch.nn.Conv2d(1, 2, 1)
    network.unused = torch.nn.Identity()
    with pytest.raises(InputError, match="'unused' takes no part when Conv2d is called"):
        LayerFeatures(network, "unused")(torch.rand(1, 1, 4, 4))

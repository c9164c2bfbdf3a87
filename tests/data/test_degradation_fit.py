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

from monai_r2c.data.degradation_fit import INDICATORS, distribution_distance, fit, fit_degradation, image_indicators
from monai_r2c.data.degradation_fit.fit import degrade_all
from monai_r2c.utils import InputError

NOTHING = {"focal_sigma": 0.0, "motion": 0.0, "scatter_fraction": 0.0, "stops": 0.0, "photons": math.inf}


def indicator(name: str, image: np.ndarray) -> float:
    return float(image_indicators(image[None].astype(np.float32))[0, INDICATORS.index(name)])


def films(count: int = 12, side: int = 32) -> np.ndarray:
    """Smooth random images with an edge."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side] / side
    slopes = generator.uniform(0.1, 0.3, (count, 2, 1, 1))
    edge = (columns > generator.uniform(0.3, 0.7, (count, 1, 1))) * 0.2
    return (0.2 + slopes[:, 0] * rows + slopes[:, 1] * columns + edge).astype(np.float32)


def test_gray_percentiles_and_clipping():
    image = np.zeros((40, 40))
    image[:30] = np.linspace(0.2, 0.6, 40)
    image[36:] = 1.0
    assert indicator("clipped black", image) == pytest.approx(6 / 40)
    assert indicator("clipped white", image) == pytest.approx(4 / 40)
    assert indicator("gray p99", image) == 1.0


def test_noise_is_measured_where_it_is():
    image = np.full((128, 128), 0.3)
    image[64:] = 0.7
    image[64:] += np.random.default_rng(0).normal(0, 0.02, (64, 128))
    assert math.exp(indicator("noise in bright parts", image)) == pytest.approx(0.02, rel=0.1)
    assert math.exp(indicator("noise in dark parts", image)) == pytest.approx(1 / 255 / 16, rel=1e-3)


def test_a_wave_is_in_its_band_and_in_its_direction():
    rows = np.arange(64)[:, None] + np.zeros(64)
    wave = 0.5 + 0.2 * np.sin(2 * np.pi * 0.25 * rows)
    bands = [indicator(f"power, band {n}", wave) for n in range(1, 7)]
    # edges grow from 0.02 to 0.5 by a factor of 25^(1/6): 0.25 lies in the fifth
    assert int(np.argmax(bands)) == 4
    both = wave + 0.2 * np.sin(2 * np.pi * 0.25 * rows.T)
    assert indicator("directedness, high bands", wave) > indicator("directedness, high bands", both / 2 + 0.2)


@pytest.mark.parametrize("shift", [0, 3])
def test_blocks_are_found_wherever_their_grid_lies(shift):
    steps = np.kron(np.random.default_rng(0).uniform(0.2, 0.8, (9, 9)), np.ones((8, 8)))
    blocky = steps[shift : shift + 64, shift : shift + 64]
    smooth = np.random.default_rng(1).uniform(0.2, 0.8, (64, 64))
    assert indicator("block edges", blocky) > 3
    assert abs(indicator("block edges", smooth)) < 0.2


def test_even_blocks_have_no_fine_detail():
    half = np.full((32, 32), 0.5)
    half[:, 16:] += np.random.default_rng(0).normal(0, 0.1, (32, 16))
    assert indicator("empty fine detail", half) == 0.5


def test_distance_of_a_sample_from_itself_is_zero_and_grows_with_a_shift():
    sample = np.random.default_rng(0).standard_normal((200, 3))
    scale = np.ones(3)
    assert distribution_distance(sample, sample, scale) == 0
    distances = [distribution_distance(sample, sample + shift, scale) for shift in (0.1, 0.5, 2.0)]
    # along each axis the distance is the shift itself
    assert distances == sorted(distances)
    one_axis = distribution_distance(sample[:, :1], sample[:, :1] + 0.5, np.ones(1))
    assert one_axis == pytest.approx(0.5)


def test_distance_sees_how_indicators_go_together():
    one = np.random.default_rng(0).standard_normal(400)
    together, against = np.stack([one, one], axis=1), np.stack([one, -one], axis=1)
    assert distribution_distance(together, against, np.ones(2)) > 0.1


def test_draws_of_an_image_do_not_hang_on_the_others():
    images = films(6)
    severity = {**NOTHING, "stops": (-1.0, 1.0), "fault_prob": 1.0}
    assert np.array_equal(degrade_all(images, severity, 3)[:4], degrade_all(images[:4], severity, 3))


def test_a_fit_brings_good_images_closer_and_repeats_itself(monkeypatch):
    pytest.importorskip("cma")
    monkeypatch.setattr(fit, "_SIMULATED", 60)
    images = films(24)
    poor = degrade_all(images[:12], {**NOTHING, "stops": (-0.8, -0.5), "photons": (60, 120), "fault_prob": 1.0}, 1)
    fits = [fit_degradation(poor, images[12:], evaluations=30, per_evaluation=8, seed=0) for _ in range(2)]
    assert fits[0].severity == fits[1].severity
    assert fits[0].distance_after < 0.9 * fits[0].distance_before


def test_too_few_images_are_refused():
    pytest.importorskip("cma")
    with pytest.raises(InputError, match="at least 8 poor images, got 3"):
        fit_degradation(films(3), films(12))

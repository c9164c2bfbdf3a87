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

import pytest
import torch

from monai_r2c.transforms import RandQuantumNoise

LATITUDE, GRAY, PHOTONS = 1.5, 0.4, 4000.0
SIGNAL = 10 ** (-LATITUDE * GRAY)


def noisy_signal() -> torch.Tensor:
    even = torch.full((1, 400, 400), GRAY)
    noisy = RandQuantumNoise(photons=PHOTONS, prob=1.0, latitude=LATITUDE).set_random_state(0)(even)
    return torch.pow(10.0, -LATITUDE * noisy).double()


def test_mean_signal_is_preserved():
    # standard error of the mean of 400 x 400 pixels is 4e-5 of the signal's 0.25
    assert float(noisy_signal().mean()) == pytest.approx(SIGNAL, abs=2e-4)


def test_variance_is_signal_over_photons():
    assert float(noisy_signal().var()) == pytest.approx(SIGNAL / PHOTONS, rel=0.02)


def test_noise_is_not_correlated_between_neighbours():
    noise = noisy_signal()[0] - SIGNAL
    covariance = (noise[:, 1:] * noise[:, :-1]).mean()
    assert abs(float(covariance)) < 0.02 * SIGNAL / PHOTONS


def test_four_times_the_photons_halve_the_noise():
    even = torch.full((1, 200, 200), 0.5)
    low, high = (RandQuantumNoise(photons=n, prob=1.0).set_random_state(0)(even).std() for n in (1e3, 4e3))
    assert float(low / high) == pytest.approx(2, rel=0.05)


def test_a_pixel_without_photons_is_white():
    noisy = RandQuantumNoise(photons=1e-6, prob=1.0)(torch.zeros(1, 16, 16))
    assert torch.equal(noisy, torch.ones(1, 16, 16))


def test_photons_are_drawn_evenly_in_their_logarithm():
    noise = RandQuantumNoise(photons=(10, 1000), prob=1.0).set_random_state(0)
    drawn = []
    for _ in range(400):
        noise.randomize()
        drawn.append(noise.photons)
    assert min(drawn) >= 10
    assert max(drawn) <= 1000
    assert sum(n < 100 for n in drawn) == pytest.approx(200, abs=40)

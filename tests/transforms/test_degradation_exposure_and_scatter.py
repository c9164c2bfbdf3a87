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

from monai_r2c.transforms import RandContrastLoss, RandExposure

LATITUDE = 2.0


def signal(image: torch.Tensor) -> torch.Tensor:
    return torch.pow(10.0, -LATITUDE * image)


def test_one_stop_more_doubles_the_signal():
    image = torch.linspace(0.2, 1.0, 50)[None]
    exposed = RandExposure(stops=1.0, prob=1.0, latitude=LATITUDE)(image)
    torch.testing.assert_close(signal(exposed), 2 * signal(image))


def test_overexposure_is_darker_and_saturates_in_black():
    exposed = RandExposure(stops=1.0, prob=1.0, latitude=LATITUDE)(torch.tensor([[0.0, 0.1, 0.5]]))
    torch.testing.assert_close(exposed, torch.tensor([[0.0, 0.0, 0.5 - math.log10(2) / 2]]))


def test_underexposure_is_whiter_and_saturates_in_white():
    exposed = RandExposure(stops=-1.0, prob=1.0, latitude=LATITUDE)(torch.tensor([[0.2, 0.95, 1.0]]))
    torch.testing.assert_close(exposed, torch.tensor([[0.2 + math.log10(2) / 2, 1.0, 1.0]]))


def test_stops_are_drawn_from_their_range():
    exposure = RandExposure(stops=(-0.5, 1.5), prob=1.0).set_random_state(0)
    drawn = []
    for _ in range(300):
        exposure.randomize()
        drawn.append(exposure.stops)
    assert -0.5 <= min(drawn) < -0.4
    assert 1.4 < max(drawn) <= 1.5


def test_scatter_leaves_an_even_area_alone():
    even = torch.full((1, 40, 30), 0.6)
    torch.testing.assert_close(RandContrastLoss(scatter_fraction=0.8, prob=1.0)(even), even)


def test_scatter_adds_the_mean_signal_of_a_fine_pattern():
    # a checkerboard is finer than any scatter: s' = (1 - f) s + f (s_0 + s_1) / 2
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float()[None] * 0.5
    degraded = RandContrastLoss(scatter_fraction=0.4, prob=1.0, latitude=LATITUDE)(board)
    mean = (1 + 10 ** (-0.5 * LATITUDE)) / 2
    expected = 0.6 * signal(board) + 0.4 * mean
    torch.testing.assert_close(signal(degraded)[:, 24:40, 24:40], expected[:, 24:40, 24:40], atol=1e-4, rtol=0)


def test_scatter_keeps_the_mean_signal():
    image = torch.full((1, 96, 96), 0.9)
    image[:, 32:64, 32:64] = 0.2
    degraded = RandContrastLoss(scatter_fraction=0.5, spread=0.05, prob=1.0, latitude=LATITUDE)(image)
    assert float(signal(degraded).mean()) == pytest.approx(float(signal(image).mean()), rel=0.01)


def test_more_scatter_leaves_less_contrast():
    image = torch.full((1, 64, 64), 0.8)
    image[:, :, 28:36] = 0.3
    contrasts = []
    for fraction in (0.0, 0.3, 0.6, 0.9):
        degraded = RandContrastLoss(scatter_fraction=fraction, prob=1.0)(image)
        contrasts.append(float(degraded[..., 20:24].mean() - degraded[..., 30:34].mean()))
    assert contrasts == sorted(contrasts, reverse=True)
    assert contrasts[-1] < 0.5 * contrasts[0]

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

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from monai_r2c.transforms import (
    RandCollimation,
    RandCompression,
    RandExposured,
    RandLetters,
    RandLettersd,
    RandLocalContrast,
    RandPoorQuality,
    RandResampling,
    RandToneCurve,
    RandWidePoorQuality,
    RandWindowClipping,
)


def test_tone_curve_is_a_power_of_gray():
    image = torch.tensor([[0.0, 0.25, 0.5, 1.0]])
    curved = RandToneCurve(gamma=2.0, prob=1.0)(image)
    torch.testing.assert_close(curved, torch.tensor([[0.0, 0.0625, 0.25, 1.0]]))


def test_gammas_are_even_in_their_logarithm():
    curve = RandToneCurve(gamma=(0.5, 2.0), prob=1.0).set_random_state(0)
    logs = []
    for _ in range(400):
        curve.randomize()
        logs.append(math.log2(curve.gamma))
    assert -1 <= min(logs) < -0.95
    assert 0.95 < max(logs) <= 1
    assert abs(np.mean(logs)) < 0.1


def test_local_contrast_is_against_what_surrounds_a_pixel():
    # a step far wider than the blur keeps its two grays; stripes far finer than it are shrunk about their mean
    step = torch.cat([torch.full((1, 200), 0.3), torch.full((1, 200), 0.7)], 1)
    stripes = torch.tensor([0.4, 0.6]).repeat(1, 200)
    soften = RandLocalContrast(factor=0.5, spread=0.05, prob=1.0)
    torch.testing.assert_close(soften(step)[:, [0, 399]], torch.tensor([[0.3, 0.7]]))
    inside = slice(100, 300)  # at the ends half of the blur sees one stripe again and again
    wanted = torch.tensor([0.45, 0.55]).repeat(1, 100)
    torch.testing.assert_close(soften(stripes)[:, inside], wanted, atol=1e-4, rtol=0)


def test_window_cuts_both_ends_and_stretches_the_rest():
    image = torch.tensor([[0.1, 0.2, 0.5, 0.8, 0.95]])
    clipped = RandWindowClipping(cut=0.2, prob=1.0)(image)
    torch.testing.assert_close(clipped, torch.tensor([[0.0, 0.0, 0.5, 1.0, 1.0]]))


def test_each_end_of_the_window_is_drawn_for_itself():
    window = RandWindowClipping(cut=(0.0, 0.2), prob=1.0).set_random_state(0)
    window.randomize()
    black, white = window.cut
    assert black != white


def test_compression_is_pillows_jpeg():
    image = torch.rand(1, 24, 40, generator=torch.Generator().manual_seed(0))
    file = io.BytesIO()
    Image.fromarray((image[0] * 255).round().byte().numpy()).save(file, format="JPEG", quality=30)
    expected = torch.from_numpy(np.array(Image.open(file))).float() / 255
    assert torch.equal(RandCompression(quality=30, prob=1.0)(image)[0], expected)


def test_worse_quality_is_farther_from_the_image():
    ramp = torch.rand(1, 64, 64, generator=torch.Generator().manual_seed(0))
    errors = [float((RandCompression(quality=q, prob=1.0)(ramp) - ramp).abs().mean()) for q in (95, 60, 20, 5)]
    assert errors == sorted(errors)


def test_qualities_are_whole_numbers_of_the_range():
    compression = RandCompression(quality=(10, 12), prob=1.0).set_random_state(0)
    drawn = set()
    for _ in range(60):
        compression.randomize()
        drawn.add(compression.quality)
    assert drawn == {10, 11, 12}


def test_a_volume_is_compressed_plane_by_plane():
    volume = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    compress = RandCompression(quality=20, prob=1.0)
    assert torch.equal(compress(volume)[1, 2], compress(volume[1, 2][None])[0])


@pytest.mark.parametrize("enlargement", ["nearest", "linear"])
def test_resampling_by_two_keeps_the_mean_of_each_square(enlargement):
    image = torch.zeros(1, 8, 8)
    image[:, 2:4, 4:6] = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    stored = RandResampling(factor=2.0, enlargement=[enlargement], prob=1.0)(image)
    if enlargement == "nearest":
        assert torch.equal(stored[0, 2:4, 4:6], torch.full((2, 2), 0.5))
        assert float(stored.sum()) == 2.0
    else:
        # the checkerboard within the square is gone, the square itself is still the brightest place
        assert torch.equal(stored[0, 2:4, 4:6], torch.full((2, 2), float(stored.max())))


def test_resampling_leaves_an_even_image_alone():
    even = torch.full((1, 9, 14), 0.3)
    torch.testing.assert_close(RandResampling(factor=2.7, prob=1.0)(even), even)


def test_collimation_covers_bands_and_nothing_else():
    image = torch.full((1, 20, 10), 0.5)
    covered = RandCollimation(margin=0.2, side_prob=1.0, level=1.0, prob=1.0)(image)
    assert torch.equal(covered[:, 4:16, 2:8], image[:, 4:16, 2:8])
    assert float((covered == 1).sum()) == 20 * 10 - 12 * 6


def test_sides_are_covered_as_often_as_stated():
    collimation = RandCollimation(side_prob=0.25, prob=1.0).set_random_state(0)
    covered = 0
    for _ in range(200):
        collimation.randomize()
        covered += sum(margin > 0 for margin in collimation.margins)
    assert abs(covered / 1200 - 0.25) < 0.04


def test_letters_are_as_high_and_as_bright_as_stated():
    image = torch.zeros(1, 200, 200)
    written = RandLetters(words=["I"], count=1, height=0.2, level=0.9, prob=1.0).set_random_state(0)(image)
    rows = torch.nonzero(written[0].amax(dim=1) > 0.45).flatten()
    # a capital is about seven tenths of its font's size
    assert 22 <= int(rows[-1] - rows[0]) + 1 <= 36
    assert float(written.max()) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("border_prob", [1.0, 0.0])
def test_words_stand_near_a_border_or_anywhere(border_prob):
    letters = RandLetters(count=100, border_prob=border_prob, prob=1.0).set_random_state(0)
    letters.randomize()
    places = [(row, column) for *_, row, column in letters.written]
    near_border = sum(row in (0.08, 0.92) or column in (0.1, 0.9) for row, column in places)
    assert len(places) == 100
    assert near_border == 100 * border_prob


def test_letters_written_on_the_original_first_stay_in_both():
    item = {"good": torch.full((1, 64, 64), 0.2), "poor": torch.full((1, 64, 64), 0.2)}
    item = RandLettersd(keys=["good", "poor"], height=0.3, prob=1.0).set_random_state(0)(item)
    poor = RandExposured(keys="poor", stops=-0.5, prob=1.0)(item)["poor"]
    assert torch.equal(item["good"] > 0.5, poor > 0.5 + 0.5 * math.log10(2) / 1.6)
    assert float(item["good"].max()) > 0.7


def test_what_comes_after_the_detector_acts_last_and_only_where_asked_for():
    plain = RandPoorQuality(prob=1.0)
    assert len(plain.faults) == 4
    full = RandPoorQuality(gamma=(0.6, 1.7), cut=(0, 0.1), quality=(10, 85), prob=1.0)
    assert [type(fault) for fault in full.faults[4:]] == [RandToneCurve, RandWindowClipping, RandCompression]


def test_compression_takes_part_with_its_own_probability():
    blend = RandPoorQuality(quality=(10, 85), fault_prob=1.0, compression_prob=0.25, prob=1.0).set_random_state(0)
    taken = 0
    for _ in range(400):
        blend.randomize()
        assert all(blend.drawn[:4])
        taken += blend.drawn[4]
    assert abs(taken / 400 - 0.25) < 0.06


def test_wide_ranges_contain_the_default_ones_and_give_way_to_a_users():
    wide, default = RandWidePoorQuality(prob=1.0, photons=(500, 600)), RandPoorQuality(prob=1.0)
    assert wide.faults[3].photon_range == (500, 600)
    assert wide.faults[0].focal_range[1] > default.faults[0].focal_range[1]
    assert len(wide.faults) == 6

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

from benchmarks.restoration.exposure import exposure_scores
from benchmarks.restoration.scores import (
    SCORES,
    GoodLook,
    checkerboard_energy,
    detail_energy,
    detail_snr,
    psnr,
    score_image,
    ssim,
    straight_line,
)

SIDE = 128
ROWS, COLUMNS = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
FINE = torch.cos(2 * torch.pi * 0.375 * COLUMNS)[None] * 0.2  # above a quarter of the sampling frequency
COARSE = torch.cos(2 * torch.pi * 0.0625 * ROWS)[None] * 0.2  # below it


def test_half_the_fine_amplitude_has_6_db_of_detail() -> None:
    # a quarter of the energy is wrong: 10 log10 4
    assert detail_snr(0.5 + COARSE + FINE / 2, 0.5 + COARSE + FINE) == pytest.approx(6.02, abs=0.01)
    assert detail_energy(0.5 + COARSE + FINE / 2, 0.5 + COARSE + FINE) == pytest.approx(-6.02, abs=0.01)


def test_exposure_of_images_that_are_too_bright() -> None:
    originals = torch.stack([0.3 + COARSE, 0.5 + COARSE])  # means 0.3 and 0.5
    scores = exposure_scores(originals + 0.1, originals)
    assert scores["spread"] == pytest.approx(0.1, abs=1e-4)
    assert scores["error"] == pytest.approx(0.1, abs=1e-4)
    assert scores["correlation"] == pytest.approx(1.0)
    assert scores["psnr"] == pytest.approx(20.0, abs=0.01)
    assert scores["psnr_average"] == pytest.approx(20.0, abs=0.01)  # 0.4 for both
    assert min(scores["psnr_mean"], scores["psnr_line"]) > 60


def test_smoothing_away_leaves_0_db_of_detail() -> None:
    assert detail_snr(0.5 + COARSE, 0.5 + COARSE + FINE) == pytest.approx(0, abs=0.01)


def test_inverted_detail_is_worse_than_none() -> None:
    assert detail_snr(0.5 - FINE, 0.5 + FINE) == pytest.approx(-6.02, abs=0.01)


def test_coarse_differences_are_not_detail() -> None:
    assert detail_snr(0.5 + FINE, 0.5 + FINE + COARSE) > 60


def test_checkerboard_energy_is_the_pattern_s_mean_square() -> None:
    for pattern in ((-1.0) ** (ROWS + COLUMNS), (-1.0) ** COLUMNS, (-1.0) ** ROWS):
        assert checkerboard_energy(0.5 + 0.1 * pattern[None]) == pytest.approx(0.01, rel=1e-3)


def test_other_patterns_are_no_checkerboard() -> None:
    assert checkerboard_energy(0.5 + COARSE + FINE) < 1e-8


def test_straight_line_undoes_exposure_and_contrast() -> None:
    reference = 0.5 + COARSE + FINE
    assert torch.allclose(straight_line(0.4 * reference + 0.1, reference), reference, atol=1e-5)


def test_straight_line_does_not_invert() -> None:
    reference = 0.5 + COARSE
    assert torch.allclose(straight_line(1 - reference, reference), reference.mean().expand_as(reference), atol=1e-5)


def test_line_scores_ignore_what_psnr_counts() -> None:
    good = torch.rand(8, 1, SIDE, SIDE)
    scores = score_image(0.5 * good[0] + 0.2, good[0], GoodLook.of(good))
    assert list(scores) == [name for name in SCORES if name != "class_preserved"]
    assert scores["line_psnr"] > 80 > scores["psnr"]
    assert scores["line_ssim"] == pytest.approx(1, abs=1e-4)


def test_psnr_of_a_constant_difference() -> None:
    assert psnr(torch.full((1, 32, 32), 0.6), torch.full((1, 32, 32), 0.5)) == pytest.approx(20, abs=1e-3)


def test_ssim_of_equal_images_is_one() -> None:
    image = torch.rand(1, 32, 32)
    assert ssim(image, image) == pytest.approx(1, abs=1e-5)

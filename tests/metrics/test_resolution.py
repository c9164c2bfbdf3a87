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

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from monai_r2c.data import edges_of, slanted_edge, with_edges
from monai_r2c.metrics import edge_response, noise_power_spectrum, ssim_at_scales
from monai_r2c.utils import InputError

FREQUENCIES = np.array([0.0, 0.05, 0.1, 0.25, 0.4, 0.5])


def _aperture(frequencies: np.ndarray, angle: float) -> np.ndarray:
    across, along = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.abs(np.sinc(frequencies * across) * np.sinc(frequencies * along))


@pytest.mark.parametrize("angle", [3.0, 5.0, 9.0])
@pytest.mark.parametrize("turned", [False, True])
def test_mtf_of_a_drawn_edge_is_that_of_the_pixels_aperture(angle: float, turned: bool) -> None:
    edge = slanted_edge(96, angle)
    mtf = edge_response(edge.T[::-1].copy() if turned else edge).mtf(FREQUENCIES)
    np.testing.assert_allclose(mtf, _aperture(FREQUENCIES, angle), atol=0.02)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_mtf_of_a_gaussian_blur_is_its_fourier_transform(sigma: float) -> None:
    blurred = gaussian_filter(slanted_edge(160).astype(np.float64), sigma, mode="nearest")
    response = edge_response(torch.from_numpy(blurred)[None])
    expected = np.exp(-2 * (np.pi * sigma * FREQUENCIES) ** 2) * _aperture(FREQUENCIES, 5)
    np.testing.assert_allclose(response.mtf(FREQUENCIES), expected, atol=0.01)
    assert response.contrast == pytest.approx(0.3, abs=1e-3)
    assert abs(response.slope) == pytest.approx(np.tan(np.radians(5)), abs=1e-3)


def test_mtf_is_the_same_with_other_gray_levels_and_little_moved_by_noise() -> None:
    edge = gaussian_filter(slanted_edge(256).astype(np.float64), 1.0)
    clear = edge_response(edge).mtf(0.25)
    assert edge_response(0.9 - 2 * (edge - 0.35)).mtf(0.25) == pytest.approx(float(clear), abs=1e-6)
    noisy = edge + np.random.default_rng(0).normal(0, 0.02, edge.shape)
    assert edge_response(noisy).mtf(0.25) == pytest.approx(float(clear), abs=0.05)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((8, 64)), "at least 16 pixels"),
        (np.zeros((64, 64)), "no edge was found"),
        (np.full((64, 64), np.nan), "finite"),
        (np.tril(np.ones((64, 64))), "within 40 degrees|no edge|at least 4 pixels"),
    ],
)
def test_what_holds_no_edge_is_refused_in_one_line(image: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        edge_response(image)
    assert "\n" not in str(caught.value)


def test_edges_lie_where_they_are_said_to() -> None:
    film = np.full((384, 384), 0.5, np.float32)
    drawn = with_edges(film)
    assert (film == 0.5).all()
    for turn, place in enumerate(edges_of(384)):
        patch = drawn[place].T if turn else drawn[place]
        assert (patch[0, 0], patch[0, -1]) == pytest.approx((0.35, 0.65))
        assert edge_response(drawn[place]).mtf(0.25) == pytest.approx(float(_aperture(np.array(0.25), 5)), abs=0.01)
    with pytest.raises(InputError, match="square of at least 128"):
        with_edges(film[:100])
    with pytest.raises(InputError, match="angle above 0"):
        slanted_edge(64, 0)


def test_white_noise_has_its_variance_at_all_frequencies() -> None:
    noise = np.random.default_rng(0).normal(0.3, 0.1, (512, 512))
    frequencies, power = noise_power_spectrum(noise, side=64)
    assert (frequencies[0], frequencies[-1], len(power)) == (1 / 64, 0.5, 32)
    np.testing.assert_allclose(power[8:], 0.01, rtol=0.05)  # the lowest ones lose the plane, and are few
    per_mm, power_in_mm = noise_power_spectrum(noise, side=64, spacing=0.1)
    np.testing.assert_allclose(per_mm, frequencies / 0.1)
    np.testing.assert_allclose(power_in_mm, power * 0.01)


def test_blurred_noise_has_the_squared_mtf_of_the_blur() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (512, 512))
    frequencies, power = noise_power_spectrum(gaussian_filter(noise, 1.0, mode="wrap"), side=64)
    expected = 0.01 * np.exp(-4 * (np.pi * frequencies) ** 2)
    np.testing.assert_allclose(power[4:], expected[4:], atol=8e-4)


def test_a_wave_stands_at_its_frequency_and_a_slope_nowhere() -> None:
    rows = np.arange(256)[:, None] + np.zeros((1, 256))
    frequencies, power = noise_power_spectrum(np.sin(2 * np.pi * rows / 8), side=64)
    assert frequencies[power.argmax()] == 1 / 8
    assert noise_power_spectrum(0.01 * rows, side=64)[1].max() < 1e-20


def test_noise_that_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 128 pixels"):
        noise_power_spectrum(np.zeros((100, 200)))
    with pytest.raises(ValueError, match="spacing above 0"):
        noise_power_spectrum(np.zeros((200, 200)), spacing=0)


def test_ssim_at_scales_sees_fine_noise_less_the_coarser_it_looks() -> None:
    generator = torch.Generator().manual_seed(0)
    reference = torch.nn.functional.interpolate(torch.rand(1, 1, 16, 16, generator=generator), (256, 256))
    noisy = reference + 0.1 * torch.randn(reference.shape, generator=generator)
    values = [float(value) for value in ssim_at_scales(noisy, reference).values()]
    assert values == sorted(values)
    same = ssim_at_scales(reference, reference, (1, 4, 32))
    assert [float(same[1]), float(same[4])] == pytest.approx([1, 1])
    assert torch.isnan(same[32]).all()
    with pytest.raises(ValueError, match="at least 1"):
        ssim_at_scales(reference, reference, (0,))


def test_ssim_of_two_even_images_is_their_luminance_term() -> None:
    images, references = torch.full((1, 1, 64, 64), 0.2), torch.full((1, 1, 64, 64), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    for value in ssim_at_scales(images, references, (1, 2)).values():
        assert float(value) == pytest.approx(expected, abs=1e-4)

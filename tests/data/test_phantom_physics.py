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

from monai_r2c.data.phantom.detector import Detector
from monai_r2c.data.phantom.film import SCATTER, develop, expose
from monai_r2c.data.phantom.shapes import column, ellipsoid, tubes

TILTED = Detector(128, width=30.0, tilt=0.3, shift=(1.0, -2.0))


def volume(path: np.ndarray, detector: Detector) -> float:
    return float(path.sum(dtype=np.float64)) * detector.spacing**2


def test_locating_inverts_the_body_coordinates():
    row, col = TILTED.locate(*TILTED.body)
    count = TILTED.size * TILTED.samples_per_pixel
    np.testing.assert_allclose(row, np.broadcast_to(np.arange(count)[:, None], row.shape), atol=1e-3)
    np.testing.assert_allclose(col, np.broadcast_to(np.arange(count), col.shape), atol=1e-3)


@pytest.mark.parametrize(("size", "expected"), [(32, 8), (128, 2), (200, 2), (512, 2)])
def test_pixels_hold_whole_numbers_of_samples(size, expected):
    assert Detector(size).samples_per_pixel == expected


def test_ellipsoid_has_its_volume_and_its_depth():
    path = ellipsoid(TILTED, (1.0, 2.0), (3.0, 2.0, 4.0), angle=0.5)
    assert volume(path, TILTED) == pytest.approx(4 / 3 * math.pi * 3 * 2 * 4, rel=5e-3)
    assert path.max() == pytest.approx(2 * 4.0, rel=1e-2)


def test_elliptic_column_is_deepest_in_its_middle_and_ends_at_its_edge():
    np.testing.assert_allclose(column(np.array([-1.2, -1.0, 0.0, 0.6, 1.0]), 5.0), [0, 0, 10, 8, 0], atol=1e-12)


def test_tube_across_the_rays_has_the_path_of_a_cylinder():
    detector = Detector(256, width=10.0)
    line = np.array([[[-8.0, 0.0, 0.0], [8.0, 0.0, 0.0]]])
    path = tubes(detector, line, radius=1.0)
    middle = path[:, path.shape[1] // 2]
    y = detector.body[1][:, 0]
    inside = np.abs(y) < 0.9
    np.testing.assert_allclose(middle[inside], 2 * np.sqrt(1 - y[inside] ** 2), rtol=0.02)
    np.testing.assert_allclose(middle[np.abs(y) > 1.1], 0, atol=1e-5)


def test_tube_along_the_rays_is_an_even_disc():
    detector = Detector(256, width=10.0)
    path = tubes(detector, np.array([[[0.0, 0.0, 0.0], [0.0, 0.0, 5.0]]]), radius=1.0)
    distance = np.hypot(*detector.body)
    np.testing.assert_allclose(path[distance < 0.9], 5.0, rtol=0.02)


def test_tubes_have_their_volume_in_any_direction():
    lines = np.array([[[0, 0, 0], [2, 1, 3]], [[1, 1, 0], [-3, 4, 1]]], dtype=float)
    lengths = np.linalg.norm(lines[:, 1] - lines[:, 0], axis=-1)
    path = tubes(TILTED, lines, radius=0.5, flatness=np.array([1.0, 0.4]))
    assert volume(path, TILTED) == pytest.approx(math.pi * 0.25 * (lengths[0] + 0.4 * lengths[1]), rel=1e-3)


def test_tube_beyond_the_field_of_view_leaves_no_trace():
    path = tubes(TILTED, np.array([[[40.0, 0.0, 0.0], [60.0, 0.0, 0.0]]]), radius=0.5)
    assert path.max() == pytest.approx(0, abs=1e-5)


def test_signal_follows_beer_and_lambert():
    detector = Detector(64)
    even = np.full((256, 256), 1.5)
    signal = expose(even, detector, np.random.default_rng(0), dose=1e9)
    assert signal.mean() == pytest.approx(math.exp(-1.5), rel=1e-4)


def test_scatter_adds_its_share_of_the_mean():
    # stripes finer than a pixel's neighbourhood: bright and dark move towards their mean
    detector = Detector(64)
    stripes = np.repeat(np.arange(64) % 2, 4)[None].repeat(256, axis=0) * 2.0
    signal = expose(stripes, detector, np.random.default_rng(0), dose=1e12)[32, 30:34]
    bright, dark = 1.0, math.exp(-2.0)
    mean = (bright + dark) / 2
    expected = [(s + SCATTER * mean) / (1 + SCATTER) for s in (bright, dark, bright, dark)]
    np.testing.assert_allclose(signal, expected, rtol=1e-3)


def test_variance_of_the_signal_is_signal_over_photons():
    detector = Detector(256, width=25.6)
    signal = expose(np.full((512, 512), 1.0), detector, np.random.default_rng(0), dose=1e5)
    photons = 1e5 * 0.1**2
    assert signal.var() == pytest.approx(math.exp(-1) / photons, rel=0.03)


@pytest.mark.parametrize("brightness", [0.3, 0.5, 0.7])
def test_film_has_the_mean_gray_asked_for(brightness):
    signal = np.exp(-np.random.default_rng(0).uniform(0, 4, (64, 64)))
    film = develop(signal, brightness, latitude=1.5)
    assert film.mean() == pytest.approx(brightness, abs=1e-6)


def test_film_is_linear_in_the_decades_of_signal():
    film = develop(np.array([[1e-1, 1e-2, 1e-3]]), brightness=0.5, latitude=4.0)
    np.testing.assert_allclose(film, [[0.25, 0.5, 0.75]], atol=1e-6)

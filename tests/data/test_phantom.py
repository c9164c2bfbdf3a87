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

from monai_r2c.data import PhantomChest
from monai_r2c.utils import InputError


def test_radiograph_is_an_image_in_zero_to_one():
    film = PhantomChest(0, 1, opacities=True, size=96).radiograph()
    assert film.shape == (96, 96)
    assert film.dtype == np.float32
    assert film.min() == 0
    assert film.max() <= 1


def test_seed_and_index_decide_everything():
    np.testing.assert_array_equal(PhantomChest(3, 5, True, 64).radiograph(), PhantomChest(3, 5, True, 64).radiograph())


@pytest.mark.parametrize("other", [PhantomChest(0, 1, size=64), PhantomChest(1, 0, size=64)])
def test_another_seed_or_index_is_another_body(other):
    difference = PhantomChest(0, 0, size=64).attenuation() - other.attenuation()
    assert np.abs(difference).mean() > 0.1


@pytest.mark.parametrize("index", range(6))
def test_opacities_lie_in_aerated_lung_alone_and_on_both_sides(index):
    healthy, ill = PhantomChest(0, index, False, 64), PhantomChest(0, index, True, 64)
    added = ill.attenuation() - healthy.attenuation()
    aerated = healthy.aerated()
    np.testing.assert_array_equal(added[aerated == 0], 0)
    assert added.min() >= 0
    half = added.shape[1] // 2
    assert added[:, :half].max() > 0.15
    assert added[:, half:].max() > 0.15


@pytest.mark.parametrize("index", range(6))
def test_opacities_leave_healthy_lung_between_them(index):
    healthy, ill = PhantomChest(0, index, False, 64), PhantomChest(0, index, True, 64)
    lung = healthy.aerated() > 3
    touched = (ill.attenuation() - healthy.attenuation())[lung] > 0.02
    assert 0.1 < touched.mean() < 0.8


@pytest.mark.parametrize("index", range(4))
def test_opacities_do_not_change_the_mean_gray(index):
    films = [PhantomChest(0, index, opacities, 64).radiograph() for opacities in (False, True)]
    assert films[0].mean() == pytest.approx(films[1].mean(), abs=1e-4)
    assert not np.array_equal(*films)


def test_air_is_black_lungs_are_dark_and_the_abdomen_is_white():
    for index in range(4):
        film = PhantomChest(0, index, size=64).radiograph()
        assert film[:4, :8].mean() < 0.05
        assert film[56:, 20:44].mean() > film[24:36, 10:54].mean() + 0.2


def test_heart_is_on_the_right_of_the_image():
    # the patient's left: at its height the right lung leaves a wider dark field
    for index in range(4):
        chest = PhantomChest(0, index, size=64)
        aerated = chest.aerated()
        low = aerated[int(0.55 * len(aerated)) : int(0.65 * len(aerated))]
        half = aerated.shape[1] // 2
        assert low[:, :half].sum() > low[:, half:].sum()


def test_a_finer_image_shows_the_same_chest():
    coarse, fine = (PhantomChest(0, 3, True, size).radiograph() for size in (64, 128))
    averaged = fine.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.corrcoef(coarse.ravel(), averaged.ravel())[0, 1] > 0.998


def test_bodies_differ_in_size_and_place_of_their_lungs():
    areas = [(PhantomChest(0, index, size=64).aerated() > 1).mean() for index in range(8)]
    assert max(areas) > 1.1 * min(areas)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"index": -1}, {"size": 16}])
def test_wrong_argument_is_refused(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))}.* must be at least"):
        PhantomChest(**{"seed": 0, "index": 0, **wrong})

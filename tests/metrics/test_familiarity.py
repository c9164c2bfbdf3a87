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
from sklearn.covariance import LedoitWolf

from monai_r2c.metrics import (
    FamiliarityModel,
    NIQEModel,
    RestorationCheck,
    fit_familiarity,
    layout_features,
    unfamiliarity,
)
from monai_r2c.metrics import restoration_check as check_module
from monai_r2c.metrics.familiarity import shrunk_covariance
from monai_r2c.utils import InputError


def chests(count: int, seed: int = 0) -> list[torch.Tensor]:
    """Two dark ellipses on a bright body, each a little elsewhere."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:64, 0:64] / 64
    images = []
    for _ in range(count):
        image = np.full((64, 64), 0.8)
        for side in (0.3, 0.7):
            row, column, wide, high = generator.normal([0.45, side, 0.16, 0.3], 0.02)
            image[((rows - row) / high) ** 2 + ((columns - column) / wide) ** 2 < 1] = 0.3
        images.append(torch.from_numpy(image + generator.normal(0, 0.03, image.shape)).float().clamp(0, 1)[None])
    return images


def test_an_edge_falls_into_the_cells_and_the_direction_where_it_lies() -> None:
    image = torch.zeros(1, 64, 64)
    image[:, :, 32:] = 1  # brighter to the right: direction 0, in the two middle columns of cells
    shares = layout_features(image)[:128].square().reshape(8, 4, 4)
    assert shares[0].sum() == pytest.approx(float(shares.sum()))
    assert shares[0, :, 1:3].sum() == pytest.approx(float(shares[0].sum()))
    down = layout_features(image.mT)[:128].square().reshape(8, 4, 4)
    assert down[2].sum() == pytest.approx(float(shares.sum()))


def test_layout_ignores_exposure_contrast_and_size() -> None:
    image = chests(1)[0]
    larger = torch.nn.functional.interpolate(image[None], scale_factor=3)[0]
    assert torch.allclose(layout_features(0.4 * image + 0.2), layout_features(image), atol=0.02)
    assert torch.allclose(layout_features(larger.repeat(3, 1, 1)), layout_features(image), atol=1e-5)


def test_bands_tell_noise_from_structure() -> None:
    noise = torch.rand(1, 64, 64)
    finest = layout_features(noise)[128] / 0.3
    assert finest.square() == pytest.approx(0.75, abs=0.05)  # an average of four keeps a quarter
    assert layout_features(chests(1)[0])[131] > layout_features(noise)[131]


def test_covariance_is_shrunk_as_scikit_learn_shrinks_it() -> None:
    values = np.random.default_rng(0).normal(size=(40, 60)) * np.linspace(0.1, 1, 60)
    values -= values.mean(0)
    expected = LedoitWolf(assume_centered=True).fit(values).covariance_
    np.testing.assert_allclose(shrunk_covariance(values), expected, atol=1e-12)


def test_turned_inverted_noise_and_blank_images_are_unfamiliar_and_like_ones_are_not() -> None:
    model = fit_familiarity(chests(60))
    assert max(unfamiliarity(image, model) for image in chests(20, seed=1)) < 1
    image = chests(1, seed=2)[0]
    for other in (image.mT, 1 - image, torch.rand(1, 64, 64), torch.full((1, 64, 64), 0.5)):
        assert unfamiliarity(other, model) > 1


def test_the_limit_is_what_a_hundredth_of_unseen_images_exceeds() -> None:
    unseen = chests(200, seed=3)
    model = fit_familiarity(chests(30), unseen=unseen)
    assert model.unseen == 200
    assert sum(unfamiliarity(image, model) > 1 for image in unseen) == 2


def test_groups_stay_together_when_the_limit_is_taken_from_training() -> None:
    images = chests(10)
    # each image twice: told by its double, nothing would look new
    apart = fit_familiarity([*images, *images], groups=[*range(10), *range(10)])
    alone = fit_familiarity([*images, *images])
    assert apart.limit > 1.5 * alone.limit


def test_too_few_images_or_patients_are_refused() -> None:
    with pytest.raises(InputError, match="19 training images of 19 groups are too few"):
        fit_familiarity(chests(19))
    with pytest.raises(InputError, match="20 training images of 4 groups"):
        fit_familiarity(chests(20), groups=[number % 4 for number in range(20)])


@pytest.mark.parametrize(
    ("away", "before", "after", "flags"),
    [
        (0.9, 4.0, 3.0, ""),
        (1.1, 4.0, 3.0, "unfamiliar"),
        (0.9, 4.0, 40.0, "worse"),
        (0.9, 2.0, 3.0, ""),  # good images have such a value
        (0.9, 40.0, 39.0, ""),
        (1.1, math.nan, 40.0, "unfamiliar|worse"),
        (0.9, 4.0, math.nan, "worse"),
        (math.nan, math.nan, math.nan, "unfamiliar"),
    ],
)
def test_flags(monkeypatch: pytest.MonkeyPatch, away: float, before: float, after: float, flags: str) -> None:
    values = iter([before, after])
    monkeypatch.setattr(check_module, "unfamiliarity", lambda image, model: away)
    monkeypatch.setattr(check_module, "niqe", lambda image, model: next(values))
    empty = np.zeros((1, 1))
    check = RestorationCheck(FamiliarityModel(empty, empty, 1.0, 1, 0), NIQEModel(empty, empty, 2, 16, 2), 3.5)
    assert check(torch.zeros(1, 8, 8), torch.zeros(1, 8, 8))["flags"] == flags


def test_a_model_file_s_statistics_make_the_same_check_again() -> None:
    images = chests(24)
    check = RestorationCheck.fit(images, images, size=64)
    again = RestorationCheck.of_statistics(check.to_statistics())
    assert again is not None
    assert again(images[0], images[1]) == check(images[0], images[1])
    assert RestorationCheck.of_statistics({}) is None

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
import torch.nn.functional as F
from monai.data import MetaTensor

from monai_r2c.transforms import RandContextCropd, RandShortestd


def ramp(rows: int, columns: int) -> torch.Tensor:
    """Gray values that say the row and the column."""
    return (torch.arange(rows)[:, None] * 1000.0 + torch.arange(columns))[None]


def test_crop_lies_where_its_place_says_and_the_thumbnail_shows_all():
    crop = RandContextCropd("image", roi_size=16, working_size=20)
    crop.set_random_state(0)
    x = ramp(40, 60)
    for _ in range(5):
        made = crop({"image": x, "label": 1})
        top, left, bottom, right = (made["context"]["place"] * torch.tensor([40, 60, 40, 60])).round().int().tolist()
        assert (bottom - top, right - left) == (16, 16)
        assert torch.equal(made["image"], x[:, top:bottom, left:right])
        assert made["label"] == 1
    torch.testing.assert_close(
        made["context"]["thumbnail"], F.interpolate(x[None], (20, 20), mode="bilinear", antialias=True)[0]
    )


def test_same_state_crops_two_images_alike():
    crop = RandContextCropd("image", 16, 20)
    places = []
    for x in (ramp(40, 60), -ramp(40, 60)):
        crop.set_random_state(3)
        places.append(crop({"image": x})["context"]["place"])
    assert torch.equal(*places)


def test_image_of_the_working_size_is_its_own_thumbnail():
    x = ramp(20, 20)
    made = RandContextCropd("image", 20, 20)({"image": x})
    assert torch.equal(made["image"], x)
    assert torch.equal(made["context"]["thumbnail"], x)
    assert made["context"]["place"].tolist() == [0, 0, 1, 1]


def test_smaller_image_is_enlarged_to_the_crop():
    assert RandContextCropd("image", 16, 20)({"image": ramp(8, 30)})["image"].shape == (1, 16, 16)


def test_all_keys_are_reduced_to_one_random_size():
    reduce = RandShortestd(["image", "reference"], least=32, least_prob=0.25)
    reduce.set_random_state(0)
    x = torch.rand(1, 64, 128)
    sizes = []
    for _ in range(200):
        made = reduce({"image": x, "reference": x})
        assert torch.equal(made["image"], made["reference"])
        rows, columns = made["image"].shape[1:]
        assert columns == pytest.approx(2 * rows, abs=1)
        sizes.append(rows)
    assert min(sizes) == 32
    assert max(sizes) <= 64
    assert 30 < sizes.count(32) < 75  # a quarter, and what is drawn below 32.5
    # even in the logarithm: half of the others below 32 * sqrt(2)
    others = [size for size in sizes if size > 32]
    assert sum(size < 45.25 for size in others) == pytest.approx(len(others) / 2, abs=20)


def test_small_image_stays():
    x = torch.rand(1, 30, 50)
    assert RandShortestd("image", least=32)({"image": x})["image"] is x


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="least must be at least 1"):
        RandShortestd("image", least=0)
    with pytest.raises(ValueError, match="keys one"):
        RandContextCropd(["image", "reference"], 16, 20)


def test_arrays_and_images_with_metadata_give_the_same_plain_crop():
    x = ramp(40, 60)
    crop = RandContextCropd("image", 16, 20)
    expected = crop.set_random_state(0)({"image": x})
    for image in (MetaTensor(x), x.numpy(), x.numpy().astype(np.int32), np.flip(x.flip(1).numpy(), 1)):
        made = crop.set_random_state(0)({"image": image})
        for found, wanted in (
            (made["image"], expected["image"]),
            (made["context"]["thumbnail"], expected["context"]["thumbnail"]),
            (made["context"]["place"], expected["context"]["place"]),
        ):
            assert type(found) is torch.Tensor
            assert torch.equal(found, wanted)
            assert found.dtype == torch.float32


def test_missing_image_is_passed_over_where_that_is_allowed():
    assert RandContextCropd("image", 16, 20, allow_missing_keys=True)({"label": 1}) == {"label": 1}
    with pytest.raises(KeyError):
        RandContextCropd("image", 16, 20)({"label": 1})

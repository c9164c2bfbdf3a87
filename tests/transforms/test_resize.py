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
from monai.data import MetaTensor, set_track_meta

from monai_r2c.transforms.resize import ResizeShortest, ResizeShortestd


@pytest.mark.parametrize(("shape", "expected"), [((40, 60), (20, 30)), ((60, 40), (30, 20)), ((10, 15), (20, 30))])
def test_shortest_side_gets_the_size_and_the_aspect_ratio_stays(shape: tuple, expected: tuple) -> None:
    assert ResizeShortest(20)(torch.rand(1, *shape)).shape == (1, *expected)


def test_constant_image_stays_constant() -> None:
    resized = ResizeShortest(8)(torch.full((1, 20, 30), 0.25))
    assert torch.allclose(torch.as_tensor(resized), torch.tensor(0.25), atol=1e-6)


def test_image_of_the_wanted_size_is_untouched() -> None:
    image = torch.rand(1, 8, 12)
    assert torch.equal(ResizeShortest(8)(image), image)


def test_dictionary_twin_gives_the_same_and_leaves_other_keys() -> None:
    image = torch.rand(1, 9, 17)
    result = ResizeShortestd(["image", "reference"], 5, allow_missing_keys=True)({"image": image, "label": 1})
    assert torch.equal(result["image"], ResizeShortest(5)(image))
    assert result["label"] == 1


def test_spacing_follows_the_size_and_the_inverse_brings_both_back() -> None:
    image = MetaTensor(torch.rand(1, 12, 24), affine=torch.diag(torch.tensor([0.2, 0.1, 1.0, 1.0])))
    transform = ResizeShortestd("image", 6)
    resized = transform({"image": image})
    # half as many pixels of twice the size, the centre of the first between those of the first two
    assert torch.allclose(resized["image"].affine[:2, :2], torch.diag(torch.tensor([0.4, 0.2], dtype=torch.float64)))
    assert torch.allclose(resized["image"].affine[:2, 3], torch.tensor([0.1, 0.05], dtype=torch.float64))
    back = transform.inverse(resized)["image"]
    assert back.shape == (1, 12, 24)
    assert torch.allclose(back.affine, image.affine)
    assert back.applied_operations == image.applied_operations == []


def test_size_below_one_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 pixel, got 0"):
        ResizeShortest(0)


def test_whole_numbers_and_reversed_arrays_become_float32_of_any_size() -> None:
    image = torch.arange(8 * 12).reshape(1, 8, 12)
    for size in (4, 8):
        expected = ResizeShortest(size)(image.float())
        for values in (image.to(torch.int16), image.numpy(), np.flip(image.flip(1).numpy(), 1), image.double()):
            resized = ResizeShortest(size)(values)
            assert type(resized) is torch.Tensor
            assert resized.dtype == torch.float32
            assert torch.equal(resized, expected)


def test_metadata_end_where_they_are_switched_off() -> None:
    image = MetaTensor(torch.rand(1, 8, 12))
    set_track_meta(False)
    try:
        resized = ResizeShortest(4)(image)
    finally:
        set_track_meta(True)
    assert type(resized) is torch.Tensor
    assert type(ResizeShortest(4)(image)) is MetaTensor

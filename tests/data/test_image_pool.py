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

import pytest
import torch

from monai_r2c.data import ImagePool
from monai_r2c.utils import InputError


def image(value: float) -> torch.Tensor:
    return torch.full((1, 1, 2, 2), float(value))


def test_images_are_stored_and_returned_until_the_pool_is_full():
    pool = ImagePool(size=3)
    batch = torch.arange(12.0).reshape(3, 1, 2, 2)
    assert torch.equal(pool(batch), batch)
    assert len(pool) == 3
    assert torch.equal(pool.state_dict()["images"], batch)


def test_full_pool_swaps_half_of_the_images():
    pool = ImagePool(size=10, seed=0)
    for value in range(10):
        pool(image(value))
    swapped = sum(pool(image(value)).mean().item() != value for value in range(10, 2010))
    assert abs(swapped - 1000) < 4 * (2000 * 0.25) ** 0.5


def test_a_swapped_image_takes_the_place_of_the_one_returned():
    pool = ImagePool(size=4, seed=0)
    stored = set(range(4))
    for value in stored:
        pool(image(value))
    for value in range(4, 60):
        returned = int(pool(image(value)).mean())
        if returned != value:
            stored = stored - {returned} | {value}
        assert set(pool.state_dict()["images"][:, 0, 0, 0].int().tolist()) == stored


def test_every_stored_image_is_chosen_equally_often():
    pool = ImagePool(size=4, seed=0)
    places = torch.zeros(4)
    for value in range(4):
        pool(image(value))
    before = pool.state_dict()["images"]
    for value in range(4, 2004):
        pool(image(value))
        after = pool.state_dict()["images"]
        places += (after != before)[:, 0, 0, 0]
        before = after
    assert (places / places.sum() - 0.25).abs().max() < 0.05


def test_batch_goes_through_item_by_item():
    one, many = ImagePool(size=5, seed=3), ImagePool(size=5, seed=3)
    batch = torch.rand(32, 1, 2, 2)
    assert torch.equal(many(batch), torch.cat([one(item[None]) for item in batch]))


def test_size_zero_returns_the_input():
    pool = ImagePool(size=0)
    batch = torch.rand(4, 1, 2, 2)
    assert torch.equal(pool(batch), batch)
    assert len(pool) == 0


def test_results_carry_no_gradient_and_stored_images_are_copies():
    pool = ImagePool(size=1)
    batch = torch.ones(1, 1, 2, 2, requires_grad=True)
    assert not pool(batch).requires_grad
    with torch.no_grad():
        batch.zero_()
    assert pool.state_dict()["images"].eq(1).all()


def test_restored_pool_continues_identically():
    pool = ImagePool(size=6, seed=1)
    for value in range(11):
        pool(image(value))
    file = io.BytesIO()
    torch.save(pool.state_dict(), file)
    file.seek(0)
    resumed = ImagePool(size=6, seed=99)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for value in range(11, 60):
        assert torch.equal(resumed(image(value)), pool(image(value)))


@pytest.mark.parametrize("stored", [0, 2])
def test_pool_that_is_not_full_is_restored(stored):
    pool, resumed = ImagePool(size=3), ImagePool(size=3)
    for value in range(stored):
        pool(image(value))
    resumed.load_state_dict(pool.state_dict())
    assert len(resumed) == stored
    for value in range(10, 30):
        assert torch.equal(resumed(image(value)), pool(image(value)))


def test_image_of_another_shape_is_refused():
    pool = ImagePool(size=3)
    pool(image(0))
    with pytest.raises(InputError, match=r"shape \(1, 2, 2\), got \(1, 3, 2\)"):
        pool(torch.zeros(1, 1, 3, 2))


def test_wrong_sizes_are_refused():
    with pytest.raises(InputError, match="pool_size must be 0 or more images, got -1"):
        ImagePool(size=-1)
    pool = ImagePool(size=3)
    pool(torch.zeros(3, 1, 2, 2))
    with pytest.raises(InputError, match="holds 3 images, more than pool_size 2"):
        ImagePool(size=2).load_state_dict(pool.state_dict())


@pytest.mark.gpu
def test_restored_from_the_cpu_the_pool_moves_to_the_images_device():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    pool = ImagePool(size=2)
    pool(torch.zeros(2, 1, 2, 2))
    resumed = ImagePool(size=2)
    resumed.load_state_dict(pool.state_dict())
    assert resumed(torch.ones(4, 1, 2, 2, device="cuda")).is_cuda

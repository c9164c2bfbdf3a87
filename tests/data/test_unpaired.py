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

import gc
from collections import Counter

import numpy as np
import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import CacheDataset, PersistentDataset
from monai.transforms import (
    CenterSpatialCropd,
    Compose,
    RandFlipd,
    RandGaussianNoised,
    ScaleIntensityRanged,
    ShiftIntensityd,
)
from torch.utils.data import DataLoader

from monai_r2c.data import UnpairedDataset
from monai_r2c.transforms import RandContextCropd, RandShortestd
from monai_r2c.utils import InputError


def domain(name: str, length: int, offset: float = 0.0) -> list[dict]:
    return [
        {"image": torch.full((1, 2, 3), offset + index), "label": index % 2, "file": f"{name}{index}"}
        for index in range(length)
    ]


def files(dataset: UnpairedDataset, key: str) -> list[str]:
    return [dataset[index][key] for index in range(len(dataset))]


def noisy(poor: int = 5, good: int = 3, seed: int = 0) -> UnpairedDataset:
    transform = Compose([RandFlipd("image", prob=0.5, spatial_axis=1), RandGaussianNoised("image", prob=0.7)])
    return UnpairedDataset(domain("p", poor), domain("g", good, 100.0), seed, transform)


def test_items_carry_both_images_labels_and_files():
    item = UnpairedDataset(domain("p", 1), domain("g", 1, 9.0))[0]
    assert set(item) == {"poor", "good", "poor_label", "good_label", "poor_file", "good_file"}
    assert (item["poor_file"], item["good_file"], item["poor_label"]) == ("p0", "g0", 0)
    assert item["poor"].unique().item() == 0
    assert item["good"].unique().item() == 9


@pytest.mark.parametrize(("poor", "good"), [(7, 3), (3, 7), (4, 4), (1, 5)])
def test_longer_domain_is_seen_once_and_shorter_one_evenly(poor, good):
    dataset = UnpairedDataset(domain("p", poor), domain("g", good))
    longest = max(poor, good)
    assert len(dataset) == longest
    for epoch in range(3):
        dataset.set_epoch(epoch)
        for key, length in (("poor_file", poor), ("good_file", good)):
            counts = Counter(files(dataset, key))
            assert len(counts) == length
            assert set(counts.values()) <= {longest // length, -(-longest // length)}


def test_each_cycle_of_the_shorter_domain_is_a_fresh_permutation():
    order = files(UnpairedDataset(domain("p", 40), domain("g", 10)), "good_file")
    cycles = [tuple(order[start : start + 10]) for start in range(0, 40, 10)]
    assert all(len(set(cycle)) == 10 for cycle in cycles)
    assert len(set(cycles)) == 4


def test_both_domains_are_reshuffled_every_epoch_and_by_the_seed():
    orders = set()
    for seed in range(2):
        dataset = UnpairedDataset(domain("p", 20), domain("g", 20), seed)
        for epoch in range(3):
            dataset.set_epoch(epoch)
            orders.update((tuple(name[1:] for name in files(dataset, key))) for key in ("poor_file", "good_file"))
    assert len(orders) == 2 * 3 * 2


def test_pairing_is_a_function_of_seed_epoch_and_index():
    dataset, again = noisy(), noisy()
    visited = [(epoch, index) for epoch in (2, 0, 1) for index in (4, 0, 3)]
    items = {}
    for epoch, index in visited:
        dataset.set_epoch(epoch)
        items[epoch, index] = dataset[index]
    for epoch, index in reversed(visited):
        again.set_epoch(epoch)
        assert again[index]["good_file"] == items[epoch, index]["good_file"]
        assert torch.equal(again[index]["poor"], items[epoch, index]["poor"])
        assert torch.equal(again[index]["good"], items[epoch, index]["good"])


def test_augmentation_differs_between_domains_indices_and_epochs():
    image = {"image": torch.zeros(1, 8, 8), "label": 0, "file": "x"}
    dataset = UnpairedDataset([image] * 4, [image] * 4, transform=RandGaussianNoised("image", prob=1.0))
    seen = []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        seen += [dataset[index][key] for index in range(4) for key in ("poor", "good")]
    assert len({tuple(noise.flatten().tolist()) for noise in seen}) == 16


def test_poor_transform_changes_poor_images_only():
    dataset = UnpairedDataset(
        domain("p", 2), domain("g", 2), poor_transform=ScaleIntensityRanged("image", 0, 1, 50, 51)
    )
    assert sorted(dataset[index]["poor"].mean().item() for index in range(2)) == [50, 51]
    assert sorted(dataset[index]["good"].mean().item() for index in range(2)) == [0, 1]


def with_pairs(**settings) -> UnpairedDataset:
    noise = Compose([RandFlipd("image", prob=0.5, spatial_axis=1), RandGaussianNoised("image", prob=1.0, std=0.5)])
    return UnpairedDataset(domain("p", 3), domain("g", 5, 100.0), synthetic_degradation=noise, **settings)


def test_synthetic_image_is_the_degraded_good_one_beside_its_original():
    shift = Compose([ScaleIntensityRanged("image", 0, 1, 5, 6)])
    augment = RandGaussianNoised("image", prob=1.0)
    plain = UnpairedDataset(domain("p", 3), domain("g", 5, 100.0), transform=augment)
    dataset = UnpairedDataset(domain("p", 3), domain("g", 5, 100.0), transform=augment, synthetic_degradation=shift)
    for index in range(5):
        item, other = dataset[index], plain[index]
        assert torch.equal(item["synthetic_reference"], item["good"])
        torch.testing.assert_close(item["synthetic"], item["good"] + 5)
        assert all(torch.equal(item[key], other[key]) for key in ("poor", "good"))  # as without synthetic images
    assert set(item) - set(other) == {"synthetic", "synthetic_reference"}


def test_what_a_degradation_puts_on_both_images_stays_on_the_reference():
    letters = ScaleIntensityRanged(["image", "reference"], 0, 1, 7, 8)
    item = UnpairedDataset(domain("p", 1), domain("g", 1, 2.0), synthetic_degradation=letters)[0]
    assert item["good"].unique().item() == 2
    assert item["synthetic"].unique().item() == item["synthetic_reference"].unique().item() == 9


def test_degradation_is_a_function_of_seed_epoch_and_index():
    visited = [(epoch, index) for epoch in (2, 0, 1) for index in (4, 0, 3)]
    dataset, again, other = with_pairs(), with_pairs(), with_pairs(seed=1)
    noise = {}
    for epoch, index in visited:
        dataset.set_epoch(epoch)
        noise[epoch, index] = dataset[index]["synthetic"]
    for epoch, index in reversed(visited):
        again.set_epoch(epoch)
        assert torch.equal(again[index]["synthetic"], noise[epoch, index])
    other.set_epoch(0)
    assert not torch.equal(other[0]["synthetic"] - other[0]["good"], noise[0, 0] - dataset[0]["good"])
    assert len({tuple((image - image.round()).flatten().tolist()) for image in noise.values()}) == len(visited)


def test_degradation_that_changes_the_shape_is_refused():
    crop = CenterSpatialCropd("image", roi_size=(1, 3))
    dataset = UnpairedDataset(domain("p", 1), domain("g", 1), synthetic_degradation=crop)
    with pytest.raises(
        InputError, match=r"synthetic_degradation: gives an image of shape \[1, 1, 3\] .* for g0 of shape"
    ):
        dataset[0]


def test_crops_of_pairs_that_become_smaller_lie_alike_and_keep_their_context():
    columns = torch.arange(40.0).expand(1, 30, 40)
    good = [{"image": columns + 100 * index, "label": 0, "file": f"g{index}"} for index in range(3)]
    degradation = Compose([RandShortestd(["image", "reference"], 20), ShiftIntensityd("image", 5.0)])
    dataset = UnpairedDataset(good, good, 0, RandContextCropd("image", 16, 24), synthetic_degradation=degradation)
    for index in range(3):
        item = dataset[index]
        assert item["synthetic"].shape == item["good"].shape == (1, 16, 16)
        torch.testing.assert_close(item["synthetic"], item["synthetic_reference"] + 5)
        context = item["synthetic_context"]
        assert context["thumbnail"].shape == (1, 24, 24)
        left = float(context["place"][1])
        number = item["synthetic_reference"][0, 0, 0] // 100
        assert float(item["synthetic_reference"][0, 0, 0] - 100 * number) == pytest.approx(40 * left, abs=1.0)


def epochs(loader: DataLoader, dataset: UnpairedDataset) -> list[dict]:
    batches = []
    for epoch in range(3):
        dataset.set_epoch(epoch)
        batches += list(loader)
    return batches


def test_items_do_not_depend_on_workers_that_live_across_epochs():
    alone, shared = noisy(), noisy()
    expected = epochs(DataLoader(alone, batch_size=2), alone)
    loader = DataLoader(shared, batch_size=2, num_workers=2, persistent_workers=True)
    got = epochs(loader, shared)
    assert len(got) == len(expected) == 9
    for batch, other in zip(got, expected):
        assert batch["poor_file"] == other["poor_file"]
        assert batch["good_file"] == other["good_file"]
        assert torch.equal(batch["poor"], other["poor"])
        assert torch.equal(batch["good"], other["good"])


def test_setting_the_epoch_as_it_starts_is_in_time_for_ignite():
    dataset = noisy()
    seen: list[list[str]] = []
    engine = Engine(lambda _, batch: seen.append(batch["poor_file"]))
    engine.add_event_handler(Events.EPOCH_STARTED, lambda engine: dataset.set_epoch(engine.state.epoch))
    engine.run(DataLoader(dataset, batch_size=5, num_workers=1, persistent_workers=True), max_epochs=3)
    # the engine holds the worker in a cycle of references; left to chance, its end costs a later test 5 s
    del engine
    gc.collect()
    expected = []
    for epoch in (1, 2, 3):
        dataset.set_epoch(epoch)
        expected.append(files(dataset, "poor_file"))
    assert seen == expected


@pytest.mark.parametrize("cached", ["memory", "disk"])
def test_cached_domains_give_the_same_items_and_keep_their_cache(cached, tmp_path):
    scale = ScaleIntensityRanged("image", 0, 10, 0, 1)

    def wrap(items: list[dict]):
        if cached == "memory":
            return CacheDataset(items, scale, progress=False)
        return PersistentDataset(items, scale, tmp_path, track_meta=True, weights_only=False)

    random = RandGaussianNoised("image", prob=1.0)
    plain = [{**item, "image": item["image"] / 10} for item in domain("p", 4)]
    dataset = UnpairedDataset(wrap(domain("p", 4)), wrap(domain("g", 2)), transform=random)
    expected = UnpairedDataset(plain, domain("g", 2), transform=random)
    for _ in range(2):
        for index in range(4):
            torch.testing.assert_close(
                torch.as_tensor(dataset[index]["poor"]), torch.as_tensor(expected[index]["poor"])
            )


def test_index_outside_the_epoch_is_refused():
    with pytest.raises(IndexError, match="index 5 is outside an epoch of 5 items"):
        noisy()[5]


def test_empty_domain_and_negative_seed_are_refused():
    with pytest.raises(InputError, match="the good domain holds no image"):
        UnpairedDataset(domain("p", 1), [])
    with pytest.raises(InputError, match="the poor domain holds no image"):
        UnpairedDataset([], domain("g", 1))
    with pytest.raises(InputError, match="seed must be 0 or more, got -1"):
        UnpairedDataset(domain("p", 1), domain("g", 1), seed=-1)


def test_global_random_state_is_neither_used_nor_changed():
    dataset = noisy()
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = dataset[0]["poor"]
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    torch.manual_seed(1)
    assert torch.equal(dataset[0]["poor"], first)

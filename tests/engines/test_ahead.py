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

import threading
import time
from collections.abc import Iterator

import pytest
import torch
import torch.nn as nn
from monai.data import DataLoader

from monai_r2c.engines import R2CEvaluator, lanes_for
from monai_r2c.engines.ahead import RESULT, Ahead, lanes_taken
from monai_r2c.networks import R2CGenerator, WrappedGenerator
from monai_r2c.utils import R2CKeys as Keys


class Batches:
    def __init__(self, count: int) -> None:
        self.count, self.given = count, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, int]]:
        for number in range(self.count):
            self.given += 1
            yield {"number": number}


def test_batches_keep_their_order_and_few_are_under_way() -> None:
    loader = Batches(10)
    threads = torch.get_num_threads()
    ahead = Ahead(loader, lambda network, batch: batch["number"] ** 2, nn.Identity(), lanes=3)
    for number, batch in enumerate(ahead):
        assert batch["number"] == number
        assert batch[RESULT].result() == number**2
        assert loader.given <= number + 4
    assert len(ahead) == 10
    assert torch.get_num_threads() == threads


def test_lanes_work_at_the_same_time_each_with_a_network_of_its_own() -> None:
    together = threading.Barrier(2, timeout=20)
    networks = set()

    def work(network: nn.Module, batch: dict) -> None:
        networks.add(id(network))
        together.wait()

    network = nn.Linear(1, 1)
    for batch in Ahead(Batches(4), work, network, lanes=2):
        batch[RESULT].result()
    assert len(networks - {id(network)}) == 2


def test_failure_of_one_batch_is_told_with_that_batch() -> None:
    def work(network: nn.Module, batch: dict) -> float:
        return 1 / (batch["number"] - 1)

    results = [batch[RESULT] for batch in Ahead(Batches(3), work, nn.Identity(), lanes=2)]
    assert [results[0].result(), results[2].result()] == [-1.0, 1.0]
    with pytest.raises(ZeroDivisionError):
        results[1].result()


@pytest.mark.parametrize("wrapped", [False, True])
def test_lanes_give_what_one_after_the_other_gives(wrapped: bool) -> None:
    torch.manual_seed(0)
    arguments = {"channels": (4, 8), "strides": (2,)}
    network = WrappedGenerator("UNet", arguments) if wrapped else R2CGenerator(2, features=4)
    items = [{"image": torch.rand(1, 16, 16 + n) * 2 - 1, "file": f"{n}.png"} for n in range(6)]
    found: dict[int, list] = {}
    for lanes in (0, 3):
        evaluator = R2CEvaluator("cpu", DataLoader(items, batch_size=1), network, keep_going=True, lanes=lanes)
        evaluator.add_event_handler("ITERATION_COMPLETED", lambda e, lanes=lanes: found[lanes].extend(e.state.output))
        found[lanes] = []
        evaluator.run()
    for one, other in zip(found[0], found[3], strict=True):
        assert one[Keys.FILE] == other[Keys.FILE]
        for key in (Keys.RESTORED, Keys.PROBABILITIES):
            torch.testing.assert_close(one[key], other[key], atol=1e-6, rtol=1e-5)


def test_only_small_images_on_the_cpu_have_lanes(monkeypatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    assert (lanes_for(256, "cpu"), lanes_for(1024, "cpu"), lanes_for("native", "cpu")) == (8, 1, 8)
    assert lanes_for(256, "cuda:0") == 1


def test_a_large_image_goes_alone_with_all_threads() -> None:
    working, seen = set(), {}

    def work(network: nn.Module, batch: dict) -> None:
        working.add(batch["number"])
        time.sleep(0.02)
        seen[batch["number"]] = (set(working), torch.get_num_threads())
        working.remove(batch["number"])

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        taken = {number: 2 if number in (1, 4, 7) else 1 for number in range(8)}
        for batch in Ahead(Batches(8), work, nn.Identity(), lanes=2, taken=lambda batch: taken[batch["number"]]):
            batch[RESULT].result()
    finally:
        torch.set_num_threads(threads)
    assert [seen[number] for number in (1, 4, 7)] == [({1}, 2), ({4}, 2), ({7}, 2)]
    assert {seen[number][1] for number in (0, 2, 3, 5, 6)} == {1}


def test_what_is_large_is_told_by_the_pixels_that_the_network_gets() -> None:
    small, large = ({"image": torch.empty(1, 3, side, 512)} for side in (512, 513))
    assert lanes_taken(large, "native", 8, in_tiles=False) == 8
    unread = {"error": ["cannot be read"]}
    assert [lanes_taken(*of, 8, False) for of in ((small, "native"), (large, 256), (unread, "native"))] == [1, 1, 1]


@pytest.mark.parametrize(("lanes", "taken"), [(1, 1), (2, 1), (3, 1), (5, 2), (8, 4)])
def test_two_large_images_at_a_time_where_the_network_goes_in_tiles(lanes: int, taken: int) -> None:
    assert lanes_taken({"image": torch.empty(1, 1, 513, 512)}, "native", lanes, in_tiles=True) == taken

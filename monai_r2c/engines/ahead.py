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

import copy
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import torch
import torch.nn as nn

RESULT = "restored_ahead"
"""Key under which a batch has the future of what was made of it."""

_MOST_LANES = 8
_LARGEST = 512


def lanes_for(size: int | str, device: str | torch.device) -> int:
    """Return how many images are best restored at a time.

    On the CPU small images go through the network in lanes of a thread each: they wait for nobody, where the threads
    of one pass wait for each other, and for every thread that something else delays. At a large working size, and on
    other devices, one image at a time uses all there is, and memory stays that of one; at native size each image is
    judged by its own (`lanes_taken`).

    Args:
        size: at which the network works, as of `RestorationInferer`.
        device: of the network.
    """
    if torch.device(device).type != "cpu" or (isinstance(size, int) and size > _LARGEST):
        return 1
    return min(torch.get_num_threads(), _MOST_LANES)


def lanes_taken(batch: Mapping[str, Any], size: int | str, lanes: int, in_tiles: bool) -> int:
    """Return how many of the lanes a batch takes, with their threads.

    A small image takes one. A large one takes all, so that memory stays that of one; or half of them, so that two are
    restored at a time (in three lanes three), where the network goes through it in tiles and needs little more for two.

    Args:
        batch: with ``image`` ``(batch, channels, *spatial)``, or without.
        size: at which the network works, as of `RestorationInferer`.
        lanes: that there are.
        in_tiles: whether the network does so.
    """
    image = batch.get("image")
    if isinstance(size, int) or not isinstance(image, torch.Tensor):
        return 1
    if image.numel() <= len(image) * image.shape[1] * _LARGEST**2:
        return 1
    return max(1, lanes // 2) if in_tiles else lanes


class Ahead:
    """Gives the batches of a loader with the work on them begun in threads, while the reader of this does other things.

    Each batch has, under `RESULT`, the future of what `work` makes of it; batches keep their order. At most one batch
    more than there are lanes is on its way, so that memory stays bounded.

    Args:
        loader: of the batches.
        work: called as ``work(network, batch)``, in the thread of a lane.
        network: which every lane has a copy of, because what a network keeps of a pass is not shared, neither with
            another lane nor with what the reader of this does with it meanwhile, such as to read its features.
        lanes: how many batches are worked on at the same time; they share the threads of torch.
        taken: how many lanes a batch takes, with their threads.
    """

    def __init__(
        self,
        loader: Iterable[Mapping[str, Any]],
        work: Callable[[nn.Module, Mapping[str, Any]], Any],
        network: nn.Module,
        lanes: int,
        taken: Callable[[Mapping[str, Any]], int] = lambda batch: 1,
    ) -> None:
        self.loader, self.work, self.network, self.lanes, self.taken = loader, work, network, lanes, taken

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    @property
    def sampler(self) -> Any:
        return getattr(self.loader, "sampler", None)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        batches = iter(self.loader)  # before the threads, because its workers are forked
        networks: queue.SimpleQueue[nn.Module] = queue.SimpleQueue()
        for _ in range(self.lanes):
            networks.put(copy.deepcopy(self.network))

        threads = torch.get_num_threads()
        turn = threading.Lock()  # one after the other takes what it needs: who waits for all lanes gets them

        def share(taken: int) -> int:
            return max(1, threads * taken // self.lanes)

        def run(batch: Mapping[str, Any]) -> Any:
            with turn:
                held = [networks.get() for _ in range(self.taken(batch))]
            try:
                torch.set_num_threads(share(len(held)))
                return self.work(held[0], batch)
            finally:
                for network in held:
                    networks.put(network)

        pool = ThreadPoolExecutor(self.lanes, "restoring")
        under_way: deque[tuple[Mapping[str, Any], Future]] = deque()

        def end() -> None:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)

        try:
            torch.set_num_threads(share(1))
            for batch in batches:
                under_way.append((batch, pool.submit(run, batch)))
                if len(under_way) > self.lanes:
                    yield _with_result(*under_way.popleft())
            while under_way:
                batch, result = under_way.popleft()
                if not under_way:  # who takes the last one may never come again
                    wait([result])
                    end()
                yield _with_result(batch, result)
        finally:
            end()


def _with_result(batch: Mapping[str, Any], result: Future) -> dict[str, Any]:
    return {**batch, RESULT: result}

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

from collections.abc import Iterator, Sized
from itertools import islice

from torch.utils.data import Sampler
from torch.utils.data.distributed import DistributedSampler

from monai_r2c.utils.processes import process_count, process_rank


class EpochSampler(DistributedSampler):
    """Gives this process its share of the indices of an epoch, in order, from the middle of the epoch if asked.

    Process r of n takes the indices r, r + n, r + 2n and so on; a rest that n does not divide is left out, so shares
    are equally long and no index is in two of them. It does not shuffle: `UnpairedDataset` does, as a function of seed
    and epoch.

    Args:
        dataset: whose length counts.
        processes, rank: default those of the process group; one process takes every index.
    """

    def __init__(self, dataset: Sized, processes: int | None = None, rank: int | None = None) -> None:
        super().__init__(
            dataset,  # type: ignore[arg-type]
            num_replicas=process_count() if processes is None else processes,
            rank=process_rank() if rank is None else rank,
            shuffle=False,
            drop_last=True,
        )
        self._start = 0

    def start_at(self, position: int) -> None:
        """Let the next iteration begin at this position of the share; those after it begin at 0 again."""
        self._start = position

    def __iter__(self) -> Iterator[int]:
        start, self._start = self._start, 0
        return islice(super().__iter__(), start, None)


class EvaluationSampler(Sampler[int]):
    """Gives each process its share of the items to evaluate, each item once over all processes.

    Shares are stretches of the dataset, so what is gathered in order of rank stands in the dataset's order. Fewer items
    than processes are all given to every process, because one without any would leave the others waiting. `gives_all`
    then says so, and the handlers of this package count every item once; metrics of others count each equally often,
    which changes no mean and no ratio.

    Args:
        dataset: whose length counts.
        processes, rank: default those of the process group.

    Attributes:
        gives_all: whether this process was given all items.
    """

    def __init__(self, dataset: Sized, processes: int | None = None, rank: int | None = None) -> None:
        processes = process_count() if processes is None else processes
        rank = process_rank() if rank is None else rank
        self.gives_all = len(dataset) < processes
        if self.gives_all:
            processes, rank = 1, 0
        self._share = range(rank * len(dataset) // processes, (rank + 1) * len(dataset) // processes)

    def __iter__(self) -> Iterator[int]:
        return iter(self._share)

    def __len__(self) -> int:
        return len(self._share)

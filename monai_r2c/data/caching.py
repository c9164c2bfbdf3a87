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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.data import CacheDataset, Dataset, PersistentDataset


def cached_dataset(
    data: Sequence[Mapping[str, Any]],
    transform: Callable,
    cache_rate: float = 1.0,
    cache_dir: str | Path | None = None,
) -> Dataset:
    """Build the dataset of one domain over deterministic transforms, with MONAI's caching.

    With `cache_dir` each transformed image is kept on disk and survives the run; else the share `cache_rate` of them is
    kept in memory, and the rest is read here once, so that an unreadable image ends the run before its first step.

    Args:
        data: dictionaries as of ``Datalist.items``.
        transform: deterministic MONAI transform of one item.
        cache_rate: share of the images kept in memory, in [0, 1].
        cache_dir: folder of the cache on disk, or None.

    Returns:
        ``PersistentDataset`` or ``CacheDataset``, whose ``data`` are the untransformed items.

    Raises:
        InputError: when an image is missing or unreadable (as cause of MONAI's error).
    """
    items = list(data)
    if cache_dir is not None:
        dataset: Dataset = PersistentDataset(items, transform, cache_dir, track_meta=True, weights_only=False)
        unread = range(len(items))
    else:
        with _finished_threads():
            dataset = CacheDataset(items, transform, cache_rate=cache_rate, num_workers=None, progress=False)
        unread = range(dataset.cache_num, len(items))
    for index in unread:
        dataset[index]
    return dataset


@contextmanager
def _finished_threads() -> Iterator[None]:
    """Wait for the threads that were started within: MONAI leaves its readers running when one of them fails.

    A reader that is still within torch when the interpreter ends would abort the process instead of ending it.
    """
    before = set(threading.enumerate())
    try:
        yield
    finally:
        for thread in set(threading.enumerate()) - before:
            thread.join()

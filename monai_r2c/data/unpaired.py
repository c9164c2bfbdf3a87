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

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Protocol

import numpy as np
import torch
from monai.transforms import Compose
from torch.utils.data import Dataset

from monai_r2c.utils import InputError, R2CKeys

from .datalist import DOMAINS

# what a random stream is for; part of its seed
_ORDER, _AUGMENTATION, _DEGRADATION = 0, 1, 2


class MapStyleDataset(Protocol):
    """Items by index: a list of dictionaries, MONAI's ``Dataset``, ``CacheDataset``, ``PersistentDataset``."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class UnpairedDataset(Dataset):
    """Pairs each image of the longer domain with one of the other domain, anew in every epoch.

    An epoch is as long as the longer domain, each of whose images it holds once; the shorter domain is cycled, each
    cycle in a fresh order. Both are reshuffled every epoch, so the data loader must not shuffle. Which images meet, and
    how they are augmented, is a function of (seed, epoch, index) alone, whatever the number of workers.

    The two datasets should apply deterministic transforms only, which MONAI can cache (``CacheDataset``,
    ``PersistentDataset``); random transforms belong into `transform` and `poor_transform`, which are seeded for each
    item.

    Args:
        poor: map-style dataset of the poor domain; its items have the keys ``image``, ``label`` and ``file``.
        good: the same of the good domain.
        seed: non-negative seed.
        transform: MONAI transform of single items (dictionaries), for both domains.
        poor_transform: MONAI transform for items of the poor domain, before `transform`: such as degradations, to train
            without poor images.
        synthetic_degradation: MONAI transform that makes a poor image of each good one, so that restoring it can be
            learnt from the original as well. It acts on the whole image, before `transform`, which then crops and
            flips both alike. It is given the good item with its image as ``image``, to be degraded, and again as
            ``reference``, for what belongs on both, such as letters. None makes none.

    Returns:
        Each item is a dictionary with ``poor``, ``good``, ``poor_label``, ``good_label``, ``poor_file``, ``good_file``,
        and with `synthetic_degradation` the degraded good image ``synthetic`` and its ``synthetic_reference``; where
        `transform` keeps the ``context`` of a crop (`RandContextCropd`), that of the degraded image is
        ``synthetic_context``.

    Raises:
        InputError: when a domain is empty or the seed is negative; for an item, when `synthetic_degradation` gives no
            image of its reference's shape.
    """

    def __init__(
        self,
        poor: MapStyleDataset,
        good: MapStyleDataset,
        seed: int = 0,
        transform: Callable | None = None,
        poor_transform: Callable | None = None,
        synthetic_degradation: Callable | None = None,
    ) -> None:
        if seed < 0:
            raise InputError(f"seed must be 0 or more, got {seed}")
        self._domains = (poor, good)
        for name, domain in zip(DOMAINS, self._domains):
            if len(domain) == 0:
                raise InputError(f"the {name} domain holds no image; at least one is needed")
        self.seed = seed
        self._transforms = (_compose(poor_transform, transform), _compose(transform))
        self._degradation = None if synthetic_degradation is None else _compose(synthetic_degradation)
        # in shared memory, because workers of a data loader may live across epochs
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._orders: tuple[np.ndarray, np.ndarray] | None = None
        self._orders_epoch = -1

    @property
    def epoch(self) -> int:
        """The epoch whose pairs the dataset holds now."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle and augment as in `epoch` (0 or more) from now on, in living workers of a data loader too."""
        if epoch < 0:
            raise ValueError(f"epoch must be 0 or more, got {epoch}.")
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return max(len(domain) for domain in self._domains)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside an epoch of {len(self)} items.")
        epoch = self.epoch
        poor, good = (self._augmented(domain, epoch, index, self._item(domain, epoch, index)) for domain in range(2))
        pair = {} if self._degradation is None else self._degraded(self._degradation, epoch, index)
        return {
            R2CKeys.POOR.value: poor["image"],
            R2CKeys.GOOD.value: good["image"],
            R2CKeys.POOR_LABEL.value: poor["label"],
            R2CKeys.GOOD_LABEL.value: good["label"],
            R2CKeys.POOR_FILE.value: poor["file"],
            R2CKeys.GOOD_FILE.value: good["file"],
            **pair,
        }

    def _item(self, domain: int, epoch: int, index: int) -> Mapping[str, Any]:
        item: Mapping[str, Any] = self._domains[domain][int(self._order(epoch)[domain][index])]
        return item

    def _augmented(self, domain: int, epoch: int, index: int, item: Mapping[str, Any]) -> Mapping[str, Any]:
        transform = self._transforms[domain]
        if not transform.transforms:
            return item
        transform.set_random_state(seed=self._seed_of(_AUGMENTATION, domain, epoch, index))
        # a cached item must not change with its augmentation
        augmented: Mapping[str, Any] = transform(deepcopy(item))
        return augmented

    def _degraded(self, degradation: Compose, epoch: int, index: int) -> dict[str, Any]:
        """The pair of a degraded good image and what it was made from, both augmented as the good image is."""
        good = dict(self._item(1, epoch, index))
        degradation.set_random_state(seed=self._seed_of(_DEGRADATION, epoch, index))
        made = degradation({**deepcopy(good), R2CKeys.REFERENCE.value: deepcopy(good["image"])})
        image, reference = made["image"], made[R2CKeys.REFERENCE.value]
        if image.shape != reference.shape or image.dim() != good["image"].dim():
            shapes = [list(part.shape) for part in (image, reference, good["image"])]
            raise InputError(
                f"synthetic_degradation: gives an image of shape {shapes[0]} and a reference of shape {shapes[1]} for "
                f"{good['file']} of shape {shapes[2]}; both must have one shape."
            )
        degraded, original = (self._augmented(1, epoch, index, {**good, "image": part}) for part in (image, reference))
        pair = {R2CKeys.SYNTHETIC.value: degraded["image"], R2CKeys.SYNTHETIC_REFERENCE.value: original["image"]}
        if R2CKeys.CONTEXT in degraded:
            pair[R2CKeys.SYNTHETIC_CONTEXT.value] = degraded[R2CKeys.CONTEXT]
        return pair

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """For each domain, which of its images stands at each index of the epoch."""
        if self._orders is None or self._orders_epoch != epoch:
            self._orders = (self._shuffled_cycles(0, epoch), self._shuffled_cycles(1, epoch))
            self._orders_epoch = epoch
        return self._orders

    def _shuffled_cycles(self, domain: int, epoch: int) -> np.ndarray:
        images = len(self._domains[domain])
        generator = np.random.default_rng(self._stream(_ORDER, domain, epoch))
        cycles = [generator.permutation(images) for _ in range(-(-len(self) // images))]
        return np.concatenate(cycles)[: len(self)]

    def _seed_of(self, *key: int) -> int:
        return int(self._stream(*key).generate_state(1)[0])

    def _stream(self, *key: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=key)


def _compose(*transforms: Callable | None) -> Compose:
    return Compose([transform for transform in transforms if transform is not None])

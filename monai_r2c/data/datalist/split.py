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

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from .groups import group_entries
from .items import SECTIONS, DatalistItem


def hold_out(
    entries: Sequence[DatalistItem],
    section: str,
    fraction: float,
    seed: int = 0,
    copies: Iterable[Sequence[str]] = (),
) -> list[DatalistItem]:
    """Move a share of the training images to another section, by domain and class alike, patients undivided.

    Each domain and class gives the same share, at least one image where it has two or more, as nearly as whole patients
    allow; it always keeps an image in training. What belongs together, see `group_entries`, stays together: patients,
    studies, clean originals with the images made of them, and copies.

    Args:
        entries: items of a datalist; those outside ``training`` stay as they are.
        section: where the images go, ``validation`` or ``testing``.
        fraction: share of the training images, from 0 to below 1.
        seed: the choice is a function of the entries and this.
        copies: groups of files that show the same picture.

    Returns:
        The items in their order.

    Raises:
        ValueError: when the fraction or section is another.
    """
    if not 0 <= fraction < 1 or section not in SECTIONS[1:]:
        raise ValueError(
            f"expected a fraction from 0 to below 1 and one of {SECTIONS[1:]}, got {fraction} of {section}."
        )
    result = list(entries)
    if fraction == 0:
        return result
    training = [index for index, entry in enumerate(entries) if entry.section == "training"]
    members = [[training[i] for i in group] for group in group_entries([entries[i] for i in training], copies)]
    sizes = Counter(_stratum(entries[index]) for index in training)
    targets = {stratum: max(1, int(fraction * size + 0.5)) for stratum, size in sizes.items()}
    taken: Counter[tuple[str, int]] = Counter()
    # the section is part of the seed: testing and validation must not be drawn alike
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SECTIONS.index(section),)))
    for chosen in generator.permutation(len(members)):
        counts = Counter(_stratum(entries[index]) for index in members[chosen])
        empties = any(taken[stratum] + count >= sizes[stratum] for stratum, count in counts.items())
        if empties or sum(_cost(taken[s], counts[s], targets[s]) for s in counts) >= 0:
            continue
        taken.update(counts)
        for index in members[chosen]:
            result[index] = replace(entries[index], section=section)
    return result


def _stratum(entry: DatalistItem) -> tuple[str, int]:
    return entry.domain, entry.label


def _cost(taken: int, count: int, target: int) -> float:
    """Change of the squared distance from the target, relative to the target."""
    return ((taken + count - target) ** 2 - (taken - target) ** 2) / target

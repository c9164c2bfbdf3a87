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

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch

RESAMPLES = 1000


def bootstrap_intervals(
    statistics: Callable[[np.ndarray], Mapping[str, float]],
    groups: Iterable[int],
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of statistics over resampled groups, such as patients.

    Each resample draws as many groups as there are, with replacement, and takes all images of each drawn group, so that
    images of one patient are never treated as independent. Resamples in which a statistic is NaN (such as a sensitivity
    without positives) are left out of its interval; an interval from fewer than half of the resamples is NaN.

    Args:
        statistics: gives every statistic by name for an array of image indices, which may repeat.
        groups: the number of each image's group.
        resamples: number of resamples, at least 1.
        confidence: coverage of the interval, above 0 and below 1.
        seed: the resamples are a function of the groups and this.

    Returns:
        Lower and upper limit by name.

    Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; whole groups are resampled
    as in A. Davison and D. Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
    """
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    # sorted, so that the order in which ranks bring the patients does not matter
    drawn = [np.array(members[group]) for group in sorted(members)]
    generator = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(resamples):
        chosen = generator.integers(len(drawn), size=len(drawn))
        for name, value in statistics(np.concatenate([drawn[i] for i in chosen])).items():
            found.setdefault(name, []).append(float(value))
    return {name: _limits(np.array(values), confidence) for name, values in found.items()}


def group_numbers(groups: Sequence[object] | None, count: int) -> torch.Tensor:
    """Turn the names of groups into numbers that ranks can gather: int64 ``(count,)``, -1 where a name is None.

    The number is a hash of the name, the same on every rank; names that are None, or no names at all, mean that each
    image stands for itself.
    """
    names = [None] * count if groups is None else list(groups)
    return torch.tensor([-1 if name is None else _hash(str(name)) for name in names], dtype=torch.int64)


def ungroup(numbers: torch.Tensor) -> list[int]:
    """Groups for `bootstrap_intervals` from `group_numbers`: images without a group become a group each."""
    return [-1 - index if number < 0 else number for index, number in enumerate(numbers.tolist())]


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") >> 1


def _limits(values: np.ndarray, confidence: float) -> tuple[float, float]:
    defined = values[~np.isnan(values)]
    if 2 * len(defined) < len(values):
        return math.nan, math.nan
    # the inverted distribution never interpolates, so that infinite values (PSNR of equal images) stay infinite
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2], method="inverted_cdf")
    return float(low), float(high)

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

import math
from collections.abc import Mapping, Sequence
from typing import Any

BEST, WORST, CHANGED, WRONG = "restored best", "restored worst", "structure changed most", "classified wrong"
# what the first two are called where the best image became worse, and the worst one better
LEAST_BAD, LEAST_GOOD = "least bad: became worse, but least", "gained least"
# what the first are called where each image that gained has a flag, or a NIQE that rose
DOUBTFUL = "gained most, but NIQE or a flag speaks against it"


def choose_cases(rows: Sequence[Mapping[str, Any]], count: int = 3) -> dict[int, list[str]]:
    """Choose the images that a reader should look at.

    They are those whose restoration gained most and least, those whose structure changed most, and those given a wrong
    class with the highest probability.

    Args:
        rows: one for each image, see `ImageTable`.
        count: images for each reason at most.

    Returns:
        Index of the row, and why it was chosen; best first. An image may be chosen for several reasons. None is called
        best whose NIQE rose or that has a flag, see `RestorationFlags`.
    """
    gains = restoration_gains(rows)
    trusted = {i: gain for i, gain in gains.items() if not (rows[i].get("flags") or _niqe_rose(rows[i]))}
    best = trusted
    if not any(gain > 0 for gain in trusted.values()):
        best = {i: gain for i, gain in gains.items() if gain > 0} or trusted or gains
    wrong = [i for i, row in enumerate(rows) if row.get("label") not in (None, row.get("class"))]
    rankings = {
        BEST: sorted(best, key=lambda i: -best[i])[: max(1, min(count, len(gains) // 2))],
        WORST: sorted(gains, key=lambda i: gains[i])[: min(count, len(gains) // 2)],
        CHANGED: _highest(rows, "structural_change", count),
        WRONG: sorted(wrong, key=lambda i: -rows[i]["probability"])[:count],
    }
    chosen: dict[int, list[str]] = {}
    for reason, indices in rankings.items():
        for index in indices:
            name = _honest(reason, gains.get(index, 0.0))
            chosen.setdefault(index, []).append(DOUBTFUL if name == BEST and index not in trusted else name)
    return chosen


def restoration_gains(rows: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """How much each image gained, by index: in PSNR where there are references, else by how much NIQE fell.

    Images for which it is undefined are left out.
    """
    for name, sign in (("psnr", 1), ("niqe", -1)):
        gains = {
            i: sign * (row[f"{name}_restored"] - row[name])
            for i, row in enumerate(rows)
            if name in row and f"{name}_restored" in row
        }
        gains = {i: gain for i, gain in gains.items() if math.isfinite(gain)}
        if gains:
            return gains
    return {}


def gain_name(rows: Sequence[Mapping[str, Any]]) -> str:
    """What `restoration_gains` compares, as people read it."""
    defined = any(math.isfinite(row.get("psnr", math.nan)) for row in rows)
    return "PSNR against the clean original" if defined else "NIQE, fitted on the good training images"


def _honest(reason: str, gain: float) -> str:
    if reason == BEST and gain <= 0:
        return LEAST_BAD
    return LEAST_GOOD if reason == WORST and gain >= 0 else reason


def _niqe_rose(row: Mapping[str, Any]) -> bool:
    return row.get("niqe_restored", math.nan) > row.get("niqe", math.nan)


def _highest(rows: Sequence[Mapping[str, Any]], name: str, count: int) -> list[int]:
    known = [i for i, row in enumerate(rows) if math.isfinite(row.get(name, math.nan))]
    return sorted(known, key=lambda i: -rows[i][name])[:count]

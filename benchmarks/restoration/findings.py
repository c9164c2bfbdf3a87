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
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .classification import shown_auc
from .scores import SCORES, better
from .summary import Row, common_seeds, difference

DISTANCES = {"frechet": 2, "kernel": 4}  # with their decimals
_ABSENT = "(no result yet)"
_ASKED_AUC = re.compile(r"\{auc/([a-z_0-9]+)/([a-z_0-9]+)/([a-z_0-9]+)\}")
_ASKED = re.compile(r"\{([a-z_@0-9.]+)/([a-z_0-9]+)(?:-([a-z_0-9]+))?/([a-z_]+)\}")


def filled(text: str, tables: Mapping[str, Sequence[Row]], classes: Sequence[Mapping[str, Any]] = ()) -> str:
    """Put numbers of the tables into a text, so that no sentence can say another number than the results.

    ``{bed/method/score}`` is a mean over images and seeds or, with ``validation_`` before the score, over seeds on the
    validation images; ``{bed/method/better_score}`` the percentage of images with a better score than the poor image
    has; ``{bed/method/seeds}`` how many there are. ``{bed/method-other/score}`` is the difference of two methods over
    the seeds that both have, with its 95 % interval over patients, and ``{bed/method-other/seeds}`` their number.
    ``{auc/bed/classifier/state}`` is the AUC of a classifier with its interval.
    """

    def number(match: re.Match) -> str:
        bed, method, other, score = match.groups()
        rows = {row.method: row for row in tables.get(bed, ()) if row.runs}
        if method not in rows or (other or method) not in rows:
            return _ABSENT
        if other:
            return _difference(rows[method], rows[other], score)
        return _value(rows[method], rows.get("nothing"), score)

    text = _ASKED_AUC.sub(lambda match: shown_auc(classes, *match.groups()) or _ABSENT, text)
    return _ASKED.sub(number, text)


def _difference(row: Row, other: Row, score: str) -> str:
    seeds = common_seeds(row.runs, other.runs)
    if score == "seeds":
        return str(len(seeds))
    found = difference(row.runs, other.runs, [score]).get(score) if seeds else None
    if found is None:
        return _ABSENT
    decimals = SCORES[score][2]
    return f"{found.mean:+.{decimals}f} ({found.low:.{decimals}f} to {found.high:.{decimals}f})"


def _value(row: Row, poor: Row | None, score: str) -> str:
    if score.startswith("validation_"):
        name = score.removeprefix("validation_")
        return f"{row.mean('validation', name):.{SCORES[name][2]}f}"
    if score.startswith("better_"):
        name = score.removeprefix("better_")
        return _ABSENT if poor is None else f"{_share_better(row, poor, name):.0f}"
    if score == "seeds":
        return str(len(row.runs))
    if score in DISTANCES:
        distance = row.mean("distances", score)
        return _ABSENT if math.isnan(distance) else f"{distance:.{DISTANCES[score]}f}"
    return f"{row.scores[score].mean:.{SCORES[score][2]}f}" if score in row.scores else _ABSENT


def _share_better(row: Row, poor: Row, score: str) -> float:
    """Percentage of pairs of image and seed in which the score is better than the poor image's."""
    before = np.asarray(poor.runs[0]["scores"][score])
    after = np.asarray([run["scores"][score] for run in row.runs])
    return 100 * float(np.mean([[better(score, a, b) for a, b in zip(seed, before)] for seed in after]))

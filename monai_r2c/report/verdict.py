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
from dataclasses import dataclass

import numpy as np

from monai_r2c.metrics import describe_score
from monai_r2c.metrics.intervals import mean_interval
from monai_r2c.metrics.score import LEAST_PATIENTS

from .collect import RunContents

HELPED, HARMED, OPEN = "helped", "harmed", "open"
# what restoration is judged by, the first that the run has, and how it is read in a sentence
_JUDGES = (("psnr", "PSNR against the clean original"), ("niqe", "NIQE (fitted on the good training images)"))


@dataclass(frozen=True)
class Change:
    """How a score of the poor test images changed when they were restored, image by image.

    Args:
        mean: over patients, of restored less poor.
        low, high: limits of its 95 % interval; NaN of fewer than two patients.
        better: images that became better.
        images, patients: how many it rests on; an image without a patient stands for itself.
        kind: ``helped`` or ``harmed`` where the interval leaves out 0, else ``open``, as with too few patients.
    """

    mean: float
    low: float
    high: float
    better: int
    images: int
    patients: int
    kind: str


def find_change(run: RunContents, name: str) -> Change | None:
    """Compare a score of each image before and after restoration; None where the run does not hold both."""
    pairs = []
    for number, row in enumerate(run.predictions):
        try:
            change = float(row.get(f"{name}_restored") or "nan") - float(row.get(name) or "nan")
        except ValueError:
            continue
        if math.isfinite(change):
            pairs.append((change, row.get("patient") or number))
    higher_is_better = describe_score(name).higher_is_better
    if not pairs or higher_is_better is None:
        return None
    changes = np.array([change for change, _ in pairs])
    mean, low, high = mean_interval(changes, [patient for _, patient in pairs])
    sign = 1 if higher_is_better else -1
    patients = len({patient for _, patient in pairs})
    kind = OPEN
    if patients >= LEAST_PATIENTS and (low > 0 or high < 0):
        kind = HELPED if sign * mean > 0 else HARMED
    return Change(mean, low, high, int((sign * changes > 0).sum()), len(pairs), patients, kind)


def judge_restoration(run: RunContents) -> tuple[str, str]:
    """Say in a sentence whether restoration helped, harmed or cannot be told, by which score and of how many images.

    Returns:
        ``helped``, ``harmed`` or ``open``, and the sentence; two empty texts for a run that was not evaluated.
    """
    for name, title in _JUDGES:
        change = find_change(run, name)
        if change is not None:
            return change.kind, _sentence(change, title, bool(describe_score(name).higher_is_better))
    if not run.scores:
        return "", ""
    return OPEN, "Whether restoration helped cannot be told: no score was measured before and after it."


def _sentence(change: Change, title: str, higher_is_better: bool) -> str:
    of = f"{change.images} images" + (f" of {change.patients} patients" if change.patients < change.images else "")
    if change.patients < LEAST_PATIENTS:
        return f"Whether restoration helped cannot be told: {of} are too few, at least {LEAST_PATIENTS} are needed."
    rose = "rose" if change.mean > 0 else "fell"
    unit = " dB" if title.startswith("PSNR") else ""
    moved = (
        f"{title} {rose} by {abs(change.mean):.2f}{unit} on average (95 % interval of the change {change.low:+.2f} to "
        f"{change.high:+.2f}; {'higher' if higher_is_better else 'lower'} is better), and {_share(change)}"
    )
    if change.kind == OPEN:
        return f"Whether restoration helped cannot be told: {moved}. Test set: {of}."
    return f"Restoration {change.kind}: {moved}. Test set: {of}."


def _share(change: Change) -> str:
    if change.better in (0, change.images):
        return f"{'no' if change.better == 0 else 'every'} image became better"
    return f"{change.better} of {change.images} images became better"

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

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from monai.config import TensorOrList
from monai.metrics import CumulativeIterationMetric
from monai.metrics.metric import IterationMetric

from .bootstrap import RESAMPLES, bootstrap_intervals, group_numbers, ungroup
from .intervals import ratio_interval
from .score import Score

Interval = tuple[float, float]


class GroupedMetric(CumulativeIterationMetric):
    """A cumulative metric that knows which images belong to one patient, and gives intervals over patients.

    It is called as MONAI's metrics are, with the batch's groups beside: ``metric(y_pred, y, groups=patients)``. What it
    cumulates is gathered over ranks, unless `has_all` says that each rank was given everything.

    Args:
        resamples: of the bootstrap; 0 gives no intervals, as in a validation that runs often.
        confidence: coverage of the intervals, above 0 and below 1.
        seed: of the resamples.

    Raises:
        ValueError: when an argument is outside its values.
    """

    def __init__(self, resamples: int = RESAMPLES, confidence: float = 0.95, seed: int = 0) -> None:
        super().__init__()
        if resamples < 0 or not 0 < confidence < 1:
            raise ValueError(f"expected resamples >= 0 and 0 < confidence < 1, got {resamples} and {confidence}.")
        self.resamples, self.confidence, self.seed = resamples, confidence, seed
        self.has_all = False

    def __call__(  # type: ignore[override]
        self, y_pred: TensorOrList, y: TensorOrList | None = None, groups: Sequence[object] | None = None
    ) -> list[torch.Tensor]:
        """Add a batch: tensors with a batch dimension or lists of items; `groups` names the group of each."""
        result: Any = IterationMetric.__call__(self, _as_tensors(y_pred), _as_tensors(y))
        parts = [part.detach().cpu() for part in ([result] if isinstance(result, torch.Tensor) else result)]
        self.extend(*parts, group_numbers(groups, len(parts[0])))
        return parts

    @abstractmethod
    def image_values(self) -> dict[str, torch.Tensor]:
        """Values ``(images,)`` by name of everything cumulated, over ranks; images in the order of the ranks."""

    def buffers(self) -> list[torch.Tensor]:
        """What was cumulated since the last reset, over ranks; the last tensor holds the groups.

        Raises:
            ValueError: when nothing was.
        """
        local = self._buffers if self.has_all else None
        buffers = self.get_buffer() if local is None else [torch.stack(values) for values in local]
        if not isinstance(buffers, (list, tuple)):
            raise ValueError(f"{type(self).__name__} has been given nothing since the last reset.")
        return [buffer.cpu() for buffer in buffers]

    def with_intervals(
        self,
        scores: Mapping[str, Score],
        statistics: Any,
        groups: torch.Tensor,
        rests_on: Mapping[str, np.ndarray],
        exact: Mapping[str, Callable[[np.ndarray], Interval]],
    ) -> dict[str, Score]:
        """Give each defined score its interval, and every score the number of its images and patients.

        Args:
            scores: by name.
            statistics: of the scores without an exact interval, as in `bootstrap_intervals`. An interval of no width,
                since all resamples are the same, is none.
            groups: of all images.
            rests_on: whether a score counts an image, bool ``(images,)``, by name; all images, where it is missing.
            exact: gives the interval of a score for the groups of all images, by name.
        """
        numbers = np.array(ungroup(groups))
        intervals: dict[str, Interval] = {}
        if self.resamples and statistics is not None:
            drawn = bootstrap_intervals(statistics, numbers.tolist(), self.resamples, self.confidence, self.seed)
            intervals = {name: limits for name, limits in drawn.items() if limits[0] < limits[1] or np.isinf(limits[0])}
        if self.resamples:
            intervals |= {name: interval(numbers) for name, interval in exact.items()}
        found = {}
        for name, score in scores.items():
            counted = numbers[rests_on[name]] if name in rests_on else numbers
            limits = (np.nan, np.nan) if score.reason else intervals.get(name, (np.nan, np.nan))  # NaN has no interval
            found[name] = Score(score, *limits, score.reason, len(counted), len(set(counted.tolist())))
        return found


class ImageMetric(GroupedMetric):
    """A metric that is the mean of a value of each image; images for which it is undefined (NaN) do not count.

    A subclass gives `names` and, for a batch, the values ``(batch, len(names))``; `shares` are the names whose values
    are all 0 or 1, so that their mean is a share.
    """

    names: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()

    def image_values(self) -> dict[str, torch.Tensor]:
        values = self.buffers()[0]
        return {name: values[:, column] for column, name in enumerate(self.names)}

    def aggregate(self) -> dict[str, Score]:
        """Mean over the images, with its interval, by name."""
        values, groups = (
            {name: value.double().numpy() for name, value in self.image_values().items()},
            self.buffers()[-1],
        )

        sampled = {name: value for name, value in values.items() if name not in self.shares}

        def means(indices: np.ndarray) -> dict[str, float]:
            return {name: _mean(value[indices]) for name, value in sampled.items()}

        scores = {name: _score(value, self.why_undefined(name)) for name, value in values.items()}
        defined = {name: ~np.isnan(value) for name, value in values.items()}
        exact = {
            name: partial(_share_interval, np.where(defined[name], values[name], 0.0), defined[name], self.confidence)
            for name in self.shares
            if name in values
        }
        return self.with_intervals(scores, means if sampled else None, groups, defined, exact)

    def why_undefined(self, name: str) -> str:
        """Reason for a score that is undefined for every image."""
        return "undefined for every image"


def _as_tensors(values: Any) -> Any:
    # decollated labels are plain numbers
    return [torch.as_tensor(value) for value in values] if isinstance(values, (list, tuple)) else values


def _share_interval(values: np.ndarray, counts: np.ndarray, confidence: float, groups: np.ndarray) -> Interval:
    return ratio_interval(values, counts.astype(float), groups, confidence)


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _score(values: np.ndarray, reason: str) -> Score:
    mean = _mean(values)
    return Score(mean, reason=reason if np.isnan(mean) else "")

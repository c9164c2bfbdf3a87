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
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.config import TensorOrList
from monai.metrics import CumulativeIterationMetric
from monai.metrics.metric import IterationMetric

from .bootstrap import RESAMPLES, bootstrap_intervals, group_numbers, ungroup
from .score import Score


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

    def with_intervals(self, scores: dict[str, Score], statistics: Any, groups: torch.Tensor) -> dict[str, Score]:
        """Give each defined score its interval; `statistics` as in `bootstrap_intervals`."""
        if not self.resamples:
            return scores
        intervals = bootstrap_intervals(statistics, ungroup(groups), self.resamples, self.confidence, self.seed)
        return {
            name: score if score.reason else Score(score, *intervals.get(name, ()))  # NaN has no interval
            for name, score in scores.items()
        }


class ImageMetric(GroupedMetric):
    """A metric that is the mean of a value of each image; images for which it is undefined (NaN) do not count.

    A subclass gives `names` and, for a batch, the values ``(batch, len(names))``.
    """

    names: tuple[str, ...] = ()

    def image_values(self) -> dict[str, torch.Tensor]:
        values = self.buffers()[0]
        return {name: values[:, column] for column, name in enumerate(self.names)}

    def aggregate(self) -> dict[str, Score]:
        """Mean over the images, with its interval, by name."""
        values, groups = (
            {name: value.double().numpy() for name, value in self.image_values().items()},
            self.buffers()[-1],
        )

        def means(indices: np.ndarray) -> dict[str, float]:
            return {name: _mean(value[indices]) for name, value in values.items()}

        scores = {name: _score(value, self.why_undefined(name)) for name, value in values.items()}
        return self.with_intervals(scores, means, groups)

    def why_undefined(self, name: str) -> str:
        """Reason for a score that is undefined for every image."""
        return "undefined for every image"


def _as_tensors(values: Any) -> Any:
    # decollated labels are plain numbers
    return [torch.as_tensor(value) for value in values] if isinstance(values, (list, tuple)) else values


def _mean(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _score(values: np.ndarray, reason: str) -> Score:
    mean = _mean(values)
    return Score(mean, reason=reason if np.isnan(mean) else "")

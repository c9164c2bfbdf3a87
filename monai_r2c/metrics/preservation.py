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

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
import torch.nn as nn
from monai.networks import eval_mode

from .bootstrap import RESAMPLES
from .grouped import ImageMetric
from .input_range import from_unit_range


class ClassPreservationMetric(ImageMetric):
    """How often a classifier gives the same most probable class before and after restoration: ``class_preserved``.

    In [0, 1], higher is better. With a `classifier` that never saw the restorer, ``metric(restored, images)`` takes
    images ``(batch, channels, *spatial)`` in [0, 1]; without one, ``metric(after, before)`` takes probabilities or
    logits ``(batch, classes)`` of both. Where either is not finite, the image is undefined (NaN).

    Args:
        classifier: any network that gives logits ``(batch, classes)``; of `R2CGenerator` the logits are taken.
        input_range: what the classifier's input must be scaled to.
        resamples, confidence, seed: see `GroupedMetric`.
    """

    names = shares = ("class_preserved",)

    def __init__(
        self,
        classifier: nn.Module | None = None,
        input_range: Sequence[float] = (0.0, 1.0),
        resamples: int = RESAMPLES,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> None:
        super().__init__(resamples, confidence, seed)
        self.classifier, self.input_range = classifier, input_range

    def why_undefined(self, name: str) -> str:
        return "no image has finite probabilities"

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:  # type: ignore[override]
        after, before = self._logits(y_pred), self._logits(y)
        known = (after.isfinite() & before.isfinite()).all(1)
        return (after.argmax(1) == before.argmax(1)).double().where(known, float("nan"))[:, None]

    def _logits(self, values: torch.Tensor) -> torch.Tensor:
        if self.classifier is None:
            return values
        with eval_mode(self.classifier) if self.classifier.training else nullcontext(), torch.no_grad():
            logits = self.classifier(from_unit_range(values, self.input_range, self.classifier))
        return logits[-1] if isinstance(logits, tuple) else logits

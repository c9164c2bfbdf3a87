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

from typing import Any

import torch
import torch.nn as nn
from monai.inferers import Inferer
from monai.networks import eval_mode

from monai_r2c.inferers import RestorationInferer

from .bootstrap import RESAMPLES
from .grouped import ImageMetric
from .input_range import from_unit_range


class CycleErrorMetric(ImageMetric):
    """Mean absolute difference between images and their restored versions degraded again: ``cycle_error``.

    In [0, 1] as a share of the gray range, lower is better: what a restorer throws away, a degrader cannot bring back.
    ``metric(restored, images)`` takes ``(batch, channels, *spatial)`` in [0, 1].

    Args:
        degrader: network that takes and gives images in [-1, 1], as the pair ``(image, logits)``.
        inferer: how the degrader is run, such as at the size of training; `RestorationInferer` at the image's own size
            when None.
        resamples, confidence, seed: see `GroupedMetric`.
    """

    names = ("cycle_error",)

    def __init__(
        self,
        degrader: nn.Module,
        inferer: Inferer | None = None,
        resamples: int = RESAMPLES,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> None:
        super().__init__(resamples, confidence, seed)
        self.degrader = degrader
        self.inferer = RestorationInferer() if inferer is None else inferer

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:  # type: ignore[override]
        with eval_mode(self.degrader), torch.no_grad():
            cycled = self.inferer(from_unit_range(y_pred, (-1, 1), self.degrader), self.degrader)[0]
        cycled = ((cycled.float() + 1) / 2).clamp(0, 1).to(y.device)
        return (cycled - y.as_subclass(torch.Tensor)).abs().flatten(1).mean(1, keepdim=True)

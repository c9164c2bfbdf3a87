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

import numpy as np
import torch
from monai.networks.layers import GaussianFilter

from .bootstrap import RESAMPLES
from .grouped import ImageMetric
from .score import Score

_LEAST_IMAGES = 5
# relative to the shorter side: detail that noise and blur hide, and the neighbourhood that is compared
_DETAIL, _NEIGHBOURHOOD = 1 / 128, 1 / 32
_STABILITY = 0.03**2 / 2
_CHANGED_SHARE = 0.05


def structural_change_map(restored: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Where a restoration changed structure, as against noise, sharpness, brightness or contrast.

    Both images are smoothed (so that noise and fine blur do not count) and compared by the structure term of SSIM, the
    correlation of gray levels in a Gaussian neighbourhood, which no linear change of gray levels moves.

    Args:
        restored, image: ``(batch, channels, rows, columns)`` in [0, 1]; channels are averaged.

    Returns:
        ``(batch, 1, rows, columns)`` in [0, 1]: 0 the same structure, 0.5 none in common, 1 inverted.

    Source: structure term of Z. Wang et al., "Image quality assessment: from error visibility to structural
    similarity", IEEE TIP 13 (2004) 600-612, equation 10, as (1 - s) / 2.
    """
    pair = [values.as_subclass(torch.Tensor).float().mean(1, keepdim=True) for values in (restored, image)]
    side = min(image.shape[2:])
    smooth, local = (
        GaussianFilter(2, max(least, share * side)) for share, least in ((_DETAIL, 0.5), (_NEIGHBOURHOOD, 1))
    )
    # without reflection the dark outside would pass for structure
    x, y = (_filtered(smooth, values) for values in pair)
    mean_x, mean_y = _filtered(local, x), _filtered(local, y)
    variance_x = (_filtered(local, x * x) - mean_x**2).clamp_min(0)
    variance_y = (_filtered(local, y * y) - mean_y**2).clamp_min(0)
    covariance = _filtered(local, x * y) - mean_x * mean_y
    structure = (covariance + _STABILITY) / ((variance_x * variance_y).sqrt() + _STABILITY)
    return ((1 - structure) / 2).clamp(0, 1)


def structural_change(restored: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Mean of `structural_change_map` over the 5 % of pixels that changed most: ``(batch,)`` in [0, 1], 0 is none."""
    change = structural_change_map(restored, image).flatten(1)
    count = max(1, round(_CHANGED_SHARE * change.shape[1]))
    return change.topk(count, dim=1).values.mean(1)


class StructuralChangeMetric(ImageMetric):
    """Mean `structural_change` by a restorer, and how many images it changed more than good images explain.

    ``metric(restored, images)`` takes ``(batch, channels, rows, columns)`` in [0, 1]. The limit is a quantile of the
    same measure on good images that the same restorer restored: they needed no restoration, so their change is what the
    restorer does anyway. `aggregate` gives ``structural_change`` (0 to 1, lower is better) and, with `good`,
    ``structure_flagged``, the share of images above the limit (0 to 1, lower is better; the good images themselves
    reach 1 - quantile). It is NaN with fewer than 5 good images. A flag asks to look; it is no proof of harm. A pair of
    which either image is not finite is undefined (NaN), among the good ones too.

    Args:
        good: the metric that has cumulated the good images when this one is aggregated.
        quantile: of the good images' change, above 0 and below 1.
        resamples, confidence, seed: see `GroupedMetric`.
    """

    names = ("structural_change",)
    shares = ("structure_flagged",)

    def __init__(
        self,
        good: StructuralChangeMetric | None = None,
        quantile: float = 0.95,
        resamples: int = RESAMPLES,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> None:
        super().__init__(resamples, confidence, seed)
        self.good, self.quantile = good, quantile

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:  # type: ignore[override]
        return structural_change(y_pred, y)[:, None]

    def limit(self) -> float:
        """Structural change above which an image is flagged; NaN without enough good images."""
        if self.good is None:
            return float("nan")
        change = self.good.buffers()[0][:, 0].numpy()
        change = change[~np.isnan(change)]
        return float(np.quantile(change, self.quantile)) if len(change) >= _LEAST_IMAGES else float("nan")

    def image_values(self) -> dict[str, torch.Tensor]:
        values = super().image_values()
        if self.good is not None:
            limit, change = self.limit(), values["structural_change"].double()
            known = ~change.isnan() & (limit == limit)
            values["structure_flagged"] = (change > limit).double().where(known, float("nan"))
        return values

    def aggregate(self) -> dict[str, Score]:
        """Mean structural change, and with `good` the share of flagged images, by name."""
        return super().aggregate()

    def why_undefined(self, name: str) -> str:
        if name in self.shares and np.isnan(self.limit()):
            return f"fewer than {_LEAST_IMAGES} good images"
        return "no image is finite"


def _filtered(gaussian: GaussianFilter, values: torch.Tensor) -> torch.Tensor:
    gaussian = gaussian.to(values.device)
    # dividing by the filtered ones leaves out what lies beyond the border
    return gaussian(values) / gaussian(torch.ones_like(values))

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
from typing import Any

import torch

from monai_r2c.data.quality import measure_quality

from .grouped import ImageMetric


class QualityMetric(ImageMetric):
    """What `measure_quality` finds in images, without a reference, in 8-bit gray levels.

    ``metric(images)`` takes ``(batch, channels, rows, columns)`` in [0, 1], at least 16 pixels a side; channels are
    averaged. An image that is not finite is undefined (NaN). `aggregate` gives the means over images of

    - ``noise``: Immerkaer's standard deviation, 0 and up; less is cleaner, but also smoother;
    - ``sharpness``: 100 x standard deviation of the Laplacian of Gaussian / contrast, 0 and up; noise raises it too;
    - ``contrast``: 95th - 5th percentile, 0 to 255, higher is better within reason;
    - ``exposure``: mean gray level, 0 to 255, neither end is good.

    Args:
        resamples, confidence, seed: see `GroupedMetric`.
    """

    names = ("noise", "sharpness", "contrast", "exposure")

    def _compute_tensor(self, y_pred: torch.Tensor, y: Any = None, **_: Any) -> torch.Tensor:
        return torch.tensor([_measure(image) for image in y_pred], dtype=torch.float64)

    def why_undefined(self, name: str) -> str:
        no_image = self.image_values()["noise"].isnan().all()
        return "no image is finite" if no_image else super().why_undefined(name)


def _measure(image: torch.Tensor) -> tuple[float, float, float, float]:
    if not image.isfinite().all():
        return (math.nan,) * 4
    found = measure_quality(image.float().mean(0).clamp(0, 1))
    # a few outliers on a flat image have no contrast to be sharp against
    sharpness = found.sharpness if math.isfinite(found.sharpness) else math.nan
    return found.noise_sigma, sharpness, found.contrast, found.mean

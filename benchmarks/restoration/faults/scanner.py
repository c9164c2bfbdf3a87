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
from typing import Any

import numpy as np
from scipy.ndimage import rotate, zoom

from .base import RandFaultd


class RandScannerd(RandFaultd):
    """A flat-bed scanner's resampling: askew by up to `skew` degrees and put right, reduced by `scale`, enlarged again.

    It interpolates linearly and without a filter before the reduction, so fine detail is aliased.
    """

    def __init__(self, keys: Any, scale: Sequence[float], skew: Sequence[float], prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.scale, self.skew = tuple(scale), tuple(skew)

    def apply(self, image: np.ndarray) -> np.ndarray:
        angle, scale = self.uniform(self.skew), self.uniform(self.scale)
        straight: dict[str, Any] = {"reshape": False, "order": 1, "mode": "nearest"}
        scanned = rotate(rotate(image, angle, **straight), -angle, **straight)
        small = [round(length * scale) for length in image.shape]
        coarse = zoom(scanned, [s / n for s, n in zip(small, image.shape)], order=1)
        return zoom(coarse, [n / s for s, n in zip(coarse.shape, image.shape)], order=1)

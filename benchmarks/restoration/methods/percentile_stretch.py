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

import numpy as np
from skimage.exposure import rescale_intensity

from ..filter_method import FilterMethod


def stretch(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Bring two percentiles to black and white."""
    limits = tuple(np.percentile(image, (low, high)))
    return rescale_intensity(image, in_range=limits, out_range=(0.0, 1.0)) if limits[0] < limits[1] else image


METHOD = FilterMethod(
    "percentile stretch", stretch, {"low": [0.0, 0.5, 1.0, 2.0, 5.0], "high": [95.0, 98.0, 99.5, 100.0]}
)

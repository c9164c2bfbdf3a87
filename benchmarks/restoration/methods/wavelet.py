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
from skimage.restoration import denoise_wavelet, estimate_sigma

from ..filter_method import FilterMethod


def denoise(image: np.ndarray, wavelet: str, strength: float) -> np.ndarray:
    """Soft thresholds for a multiple of the noise that is estimated in the image: blur hides most of it."""
    sigma = strength * float(np.nan_to_num(estimate_sigma(image)))
    if sigma == 0:
        return image
    return np.asarray(denoise_wavelet(image, sigma=sigma, wavelet=wavelet, method="BayesShrink"))


METHOD = FilterMethod(
    "wavelets, BayesShrink", denoise, {"wavelet": ["db2", "sym4"], "strength": [1.0, 2.0, 4.0, 8.0, 16.0]}
)

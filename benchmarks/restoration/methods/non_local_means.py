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
from skimage.restoration import denoise_nl_means, estimate_sigma

from ..filter_method import FilterMethod


def denoise(image: np.ndarray, patch: int, strength: float) -> np.ndarray:
    """The filter's strength is a multiple of the noise that is estimated in the image."""
    sigma = float(np.nan_to_num(estimate_sigma(image)))
    if sigma == 0:
        return image
    return np.asarray(
        denoise_nl_means(image, patch_size=patch, patch_distance=6, h=strength * sigma, sigma=sigma, fast_mode=True)
    )


METHOD = FilterMethod("non-local means", denoise, {"patch": [3, 5], "strength": [0.7, 1.5, 3.0, 6.0, 12.0]})

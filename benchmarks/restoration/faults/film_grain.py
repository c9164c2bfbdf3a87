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
from scipy.ndimage import gaussian_filter

from .base import RandFaultd


class RandFilmGraind(RandFaultd):
    """Normal noise that is correlated over `sigma` pixels, of standard deviation `strength` in the middle grays.

    It fades to a third in black and white, as the grain of a film does at base density and at saturation.
    """

    def __init__(self, keys: Any, sigma: Sequence[float], strength: Sequence[float], prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.sigma, self.strength = tuple(sigma), tuple(strength)

    def apply(self, image: np.ndarray) -> np.ndarray:
        grain = gaussian_filter(self.R.standard_normal(image.shape), self.uniform(self.sigma), mode="wrap")
        visible = 1 / 3 + 2 / 3 * 4 * image * (1 - image)
        return image + self.uniform(self.strength) * visible * grain / grain.std()

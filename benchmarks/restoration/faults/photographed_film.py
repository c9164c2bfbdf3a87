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

from .base import RandFaultd


class RandPhotographedFilmd(RandFaultd):
    """A film photographed on its light box: a soft reflex adds up to `glare`, the corners lose up to `vignetting`."""

    def __init__(self, keys: Any, glare: Sequence[float], vignetting: Sequence[float], prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.glare, self.vignetting = tuple(glare), tuple(vignetting)

    def apply(self, image: np.ndarray) -> np.ndarray:
        rows, columns = (axis / (length - 1) for axis, length in zip(np.indices(image.shape), image.shape))
        corner = ((rows - 0.5) ** 2 + (columns - 0.5) ** 2) / 0.5
        centre, width = self.R.uniform(0.2, 0.8, 2), self.uniform((0.1, 0.3))
        reflex = np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / (2 * width**2))
        return image * (1 - self.uniform(self.vignetting) * corner) + self.uniform(self.glare) * reflex

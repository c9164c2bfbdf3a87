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


class RandGridLinesd(RandFaultd):
    """Lines of an anti-scatter grid, `period` pixels apart and a few degrees askew, and their moire with the pixels.

    The moire is the slow beat of the lines with a second grid of nearly the same period.
    """

    def __init__(self, keys: Any, period: Sequence[float], strength: Sequence[float], prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.period, self.strength = tuple(period), tuple(strength)

    def apply(self, image: np.ndarray) -> np.ndarray:
        period, strength, angle = self.uniform(self.period), self.uniform(self.strength), self.uniform((-0.1, 0.1))
        phase, detuning = self.uniform((0, 2 * np.pi)), self.uniform((0.05, 0.15))
        rows, columns = np.indices(image.shape)
        along = columns * np.cos(angle) + rows * np.sin(angle)
        lines = np.sin(2 * np.pi * along / period + phase)
        beat = np.sin(2 * np.pi * detuning * along / period)
        return image * (1 + strength * (lines + beat))

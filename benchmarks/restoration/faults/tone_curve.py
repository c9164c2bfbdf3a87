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
from math import log
from typing import Any

import numpy as np

from .base import RandFaultd


class RandToneCurved(RandFaultd):
    """A display curve that does not belong: gray values to the power of `gamma`, uniform or log-uniform."""

    def __init__(self, keys: Any, gamma: Sequence[float], logarithmic: bool = False, prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.gamma, self.logarithmic = tuple(gamma), logarithmic

    def apply(self, image: np.ndarray) -> np.ndarray:
        limits = [log(g) for g in self.gamma] if self.logarithmic else self.gamma
        drawn = self.uniform(limits)
        return image ** (np.exp(drawn) if self.logarithmic else drawn)

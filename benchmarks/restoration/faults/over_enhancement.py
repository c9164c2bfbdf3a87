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
from skimage.exposure import equalize_adapthist
from skimage.filters import unsharp_mask

from .base import RandFaultd


class RandOverEnhancementd(RandFaultd):
    """Contrast-limited histogram equalisation, then an unsharp mask of radius 1.5 pixels: an eager workstation."""

    def __init__(self, keys: Any, clip: Sequence[float], amount: Sequence[float], prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.clip, self.amount = tuple(clip), tuple(amount)

    def apply(self, image: np.ndarray) -> np.ndarray:
        equalised = equalize_adapthist(image, clip_limit=self.uniform(self.clip))
        return unsharp_mask(equalised, radius=1.5, amount=self.uniform(self.amount))

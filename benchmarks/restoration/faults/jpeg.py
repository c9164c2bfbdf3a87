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

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .base import RandFaultd


class RandJpegd(RandFaultd):
    """Compression as 8-bit JPEG of a `quality` between two whole numbers, both included."""

    def __init__(self, keys: Any, quality: Sequence[int], prob: float = 1.0) -> None:
        super().__init__(keys, prob)
        self.quality = tuple(quality)

    def apply(self, image: np.ndarray) -> np.ndarray:
        stored = io.BytesIO()
        quality = int(self.R.randint(self.quality[0], self.quality[1] + 1))
        Image.fromarray(np.round(image * 255).astype(np.uint8)).save(stored, "JPEG", quality=quality)
        with Image.open(stored) as opened:
            return np.asarray(opened, dtype=np.float64) / 255

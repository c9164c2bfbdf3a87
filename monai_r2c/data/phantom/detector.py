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

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Detector:
    """A square detector behind the body, sampled several times a pixel; rays run along z, parallel.

    Attributes:
        size: pixels along rows and columns of the image.
        width: side of the field of view, in cm.
        tilt: rotation of the body in the image plane, in radians.
        shift: displacement of the body along x and y, in cm.
    """

    size: int
    width: float = 35.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def samples_per_pixel(self) -> int:
        """Samples along one side of a pixel; at least 256 along the detector, so that ribs span several."""
        return max(2, -(-256 // self.size))

    @property
    def spacing(self) -> float:
        """Distance of neighbouring samples, in cm."""
        return self.width / (self.size * self.samples_per_pixel)

    @cached_property
    def body(self) -> tuple[np.ndarray, np.ndarray]:
        """Body coordinates x (to the patient's left) and y (to the feet) of all samples, in cm."""
        count = self.size * self.samples_per_pixel
        along = (np.arange(count) + 0.5) * self.spacing - self.width / 2
        x, y = np.meshgrid(along - self.shift[0], along - self.shift[1])
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return (cos * x + sin * y).astype(np.float32), (cos * y - sin * x).astype(np.float32)

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column, in samples, of body coordinates in cm: the inverse of `body`."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        column = (cos * x - sin * y + self.shift[0] + self.width / 2) / self.spacing - 0.5
        row = (sin * x + cos * y + self.shift[1] + self.width / 2) / self.spacing - 0.5
        return row, column

    def integrate(self, samples: np.ndarray) -> np.ndarray:
        """Mean of each pixel's samples: (size, size)."""
        n = self.samples_per_pixel
        return samples.reshape(self.size, n, self.size, n).mean(axis=(1, 3))

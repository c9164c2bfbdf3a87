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

import numpy as np

from monai_r2c.utils import InputError

from .anatomy import Anatomy
from .detector import Detector
from .film import develop, expose
from .opacities import ground_glass
from .projection import project

FIELD_OF_VIEW = 35.0  # cm

# each purpose has its own random numbers, so that opacities change neither the anatomy nor the film
_ANATOMY, _VESSELS, _OPACITIES, _FILM = range(4)


@dataclass(frozen=True)
class PhantomChest:
    """A synthetic chest in front of a detector: a function of `seed`, `index` and `opacities` alone.

    Attributes:
        seed: of the whole set, at least 0.
        index: of the body, at least 0.
        opacities: whether the lungs have ground-glass opacities; the anatomy is the same with and without.
        size: pixels along rows and columns of the radiograph, at least 32.

    Raises:
        InputError: when `seed`, `index` or `size` is below its least value.

    Example:
        >>> PhantomChest(seed=0, index=3, opacities=True, size=64).radiograph().shape
        (64, 64)
    """

    seed: int
    index: int
    opacities: bool = False
    size: int = 128

    def __post_init__(self) -> None:
        if self.seed < 0 or self.index < 0:
            raise InputError(f"seed and index must be at least 0, got {self.seed} and {self.index}.")
        if self.size < 32:
            raise InputError(f"size must be at least 32 pixels, got {self.size}.")

    def attenuation(self) -> np.ndarray:
        """Line integrals of the attenuation coefficient over the detector's samples, in nepers."""
        return self._project()[0]

    def aerated(self) -> np.ndarray:
        """Path of each ray through air-filled lung, in cm, over the detector's samples."""
        return self._project()[1]

    def radiograph(self) -> np.ndarray:
        """Film of the chest, sharp and with little noise: (size, size), float32 in [0, 1], rows first, black is air.

        Gray is linear in the logarithm of the detector's signal; its mean is drawn from [0.46, 0.54] and its window
        from 1.5 to 1.7 decades, whatever the class.
        """
        rng = self._random(_FILM)
        brightness, latitude = rng.uniform(0.46, 0.54), rng.uniform(1.5, 1.7)
        attenuation, _, detector = self._project()
        return develop(expose(attenuation, detector, rng), brightness, latitude).astype(np.float32)

    def _project(self) -> tuple[np.ndarray, np.ndarray, Detector]:
        anatomy = Anatomy.draw(self._random(_ANATOMY))
        detector = Detector(self.size, FIELD_OF_VIEW / anatomy.magnification, anatomy.tilt, anatomy.shift)
        projection = project(anatomy, detector, self._random(_VESSELS))
        attenuation = projection.attenuation
        if self.opacities:
            attenuation = attenuation + ground_glass(projection, detector, self._random(_OPACITIES))
        return attenuation, projection.aerated[0] + projection.aerated[1], detector

    def _random(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.index, purpose])

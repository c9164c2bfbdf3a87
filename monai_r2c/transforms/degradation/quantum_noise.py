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

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from monai_r2c.utils import InputError

from .degradation import LATITUDE, RandDegradation, check_unit, millimetres, severity_range


class RandQuantumNoise(RandDegradation):
    """Noise of a radiograph at low dose: the detector counts photons, so its signal is Poisson distributed.

    A pixel of signal s receives ``n ~ Poisson(N s)`` photons, and ``n / N`` is its noisy signal: the mean stays s,
    the variance is ``s / N``. In gray the standard deviation is about ``1 / (latitude ln(10) sqrt(N s))``: noise is
    strongest in white.

    Args:
        photons: N, photons that a black pixel (g = 0) receives; a number, or the range of a log-uniform draw per image.
            Above 0; fewer are noisier and ``math.inf`` changes nothing.
        unit: of the area that receives `photons`: "pixel", or "mm", a square millimetre by the spacing that the image's
            meta data state, so that smaller pixels are noisier as they are at a given dose.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.
        Channels get the same random numbers: copies of a gray image stay copies.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described or, with "mm", is of
            unknown spacing.

    Source: Bushberg et al., "The Essential Physics of Medical Imaging", 3rd ed. (2011), sections 4.4 and 4.6.

    Example:
        >>> noisy = RandQuantumNoise(photons=(100, 1000), prob=1.0).set_random_state(0)(torch.rand(1, 128, 128))
    """

    def __init__(
        self,
        *,
        photons: float | Sequence[float] = (250.0, 2500.0),
        unit: Literal["pixel", "mm"] = "pixel",
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.photon_range = severity_range("RandQuantumNoise: photons", photons, low=0)
        low, high = self.photon_range
        if low <= 0 or (math.isinf(high) and low != high):
            raise InputError(f"RandQuantumNoise: photons must be above 0 and, in a range, finite, got {photons!r}.")
        check_unit("RandQuantumNoise", unit)
        self.unit = unit
        self.photons = math.inf
        self._seed = 0

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, the photons per black pixel and the seed of the noise."""
        super().randomize(None)
        if not self._do_transform:
            return
        low, high = self.photon_range
        self.photons = high if low == high else math.exp(self._draw((math.log(low), math.log(high))))
        self._seed = int(self.R.randint(2**31))

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`; the same seed gives the same noise to every image of one shape."""
        if math.isinf(self.photons):
            return image
        photons = self.photons
        if self.unit == "mm":
            photons *= math.prod(millimetres("RandQuantumNoise", spacing, image.dim() - 1))
        expected = photons * self.signal(image).cpu().numpy().astype(np.float64)
        # every channel starts from the same seed, so copies of a gray image stay copies
        counts = np.stack([np.random.RandomState(self._seed).poisson(channel) for channel in expected])
        return self.gray(torch.as_tensor(counts / photons, dtype=image.dtype, device=image.device))

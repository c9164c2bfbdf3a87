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
from typing import Any, Literal

import torch

from monai_r2c.utils import InputError

from .degradation import LATITUDE, RandDegradation, millimetres, severity_range
from .wide_blur import wide_blur


class RandContrastLoss(RandDegradation):
    """Loss of contrast by scattered radiation, as in bedside films without a grid.

    Scatter is a wide blur of the primary signal: ``s' = (1 - f) s + f G(s)`` with a Gaussian G. The detector's mean
    signal stays what it was, as automatic exposure control keeps it; differences between organs shrink, most of all in
    white.

    Args:
        scatter_fraction: f, scattered over total signal; a number, or the range of a uniform draw per image, in [0, 1).
            0 changes nothing; a chest without a grid has about 0.5 behind the lungs and 0.9 behind the mediastinum.
        spread: standard deviation of G, above 0, in units of the image's shortest side, or in mm.
        unit: of `spread`: "side", or "mm" by the spacing that the image's meta data state; scatter behind a patient
            spreads over some 50 to 100 mm, whatever part of him the image shows.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described or, with "mm", is of
            unknown spacing.

    Source: Niklason et al., "Scattered radiation in chest radiography", Med. Phys. 8 (1981) 677-681,
        doi:10.1118/1.594836.
    """

    def __init__(
        self,
        *,
        scatter_fraction: float | Sequence[float] = (0.1, 0.5),
        spread: float = 0.12,
        unit: Literal["side", "mm"] = "side",
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        name = "RandContrastLoss: scatter_fraction"
        self.fraction_range = severity_range(name, scatter_fraction, low=0, high=0.999)
        widest = 10 if unit == "side" else 1000
        self.spread = severity_range("RandContrastLoss: spread", spread, low=0.001, high=widest)[0]
        if unit not in ("side", "mm"):
            raise InputError(f"RandContrastLoss: unit must be 'side' or 'mm', got {unit!r}.")
        self.unit = unit
        self.scatter_fraction = 0.0

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, and the scatter fraction."""
        super().randomize(None)
        if self._do_transform:
            self.scatter_fraction = self._draw(self.fraction_range)

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        if self.scatter_fraction == 0:
            return image
        signal = self.signal(image)
        return self.gray(torch.lerp(signal, self._scatter(signal, spacing), self.scatter_fraction))

    def _scatter(self, signal: torch.Tensor, spacing: Sequence[float] | None) -> torch.Tensor:
        sides = signal.shape[1:]
        sigmas = [self.spread * min(sides)] * len(sides)
        if self.unit == "mm":
            sigmas = [self.spread / step for step in millimetres("RandContrastLoss", spacing, len(sides))]
        return wide_blur(signal, sigmas)

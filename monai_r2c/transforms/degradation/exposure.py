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
from typing import Any

import torch

from .degradation import LATITUDE, RandDegradation, severity_range


class RandExposure(RandDegradation):
    """Wrong exposure: the detector receives a multiple of the right dose.

    ``s' = 2^stops s``, in gray a shift by ``-stops log10(2) / latitude``: overexposed films are too dark,
    underexposed ones too white, and what leaves [0, 1] is lost.

    Args:
        stops: log2 of the dose over the right dose; a number, or the range of a uniform draw per image. 0 changes
            nothing, 1 doubles the signal.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.

    Example:
        >>> dark = RandExposure(stops=1.0, prob=1.0)(torch.full((1, 8, 8), 0.5))
    """

    def __init__(
        self,
        *,
        stops: float | Sequence[float] = (-0.8, 0.8),
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.stop_range = severity_range("RandExposure: stops", stops, low=-20, high=20)
        self.stops = 0.0

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, and the stops."""
        super().randomize(None)
        if self._do_transform:
            self.stops = self._draw(self.stop_range)

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        return image - self.stops * math.log10(2) / self.latitude

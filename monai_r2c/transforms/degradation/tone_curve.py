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


class RandToneCurve(RandDegradation):
    """Another tone curve than the right one, as a display, a printer or a vendor's processing lays over an image.

    ``g' = g^gamma`` on gray values in [0, 1]: above 1 the image is darker and its bright parts gain contrast, below 1
    it is brighter. Black and white stay where they are.

    Args:
        gamma: exponent above 0; a number, or the range of a draw per image that is even in its logarithm. 1 changes
            nothing.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white; a tone curve comes after the detector and has no use
            for it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.

    Example:
        >>> RandToneCurve(gamma=2.0, prob=1.0)(torch.tensor([[0.0, 0.5, 1.0]]))  # 0, 0.25, 1
    """

    def __init__(
        self,
        *,
        gamma: float | Sequence[float] = (0.6, 1.7),
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.gamma_range = severity_range("RandToneCurve: gamma", gamma, low=0.05, high=20)
        self.gamma = 1.0

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, and the exponent."""
        super().randomize(None)
        if self._do_transform:
            low, high = self.gamma_range
            self.gamma = math.exp(self._draw((math.log(low), math.log(high))))

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        return image.pow(self.gamma)

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
from .wide_blur import wide_blur


class RandLocalContrast(RandDegradation):
    """Another local contrast, as vendors' processing of one and the same radiograph sets it.

    ``g' = B + k (g - B)`` on gray values in [0, 1], with B the image after a wide Gaussian blur: above 1 vessels and
    ribs stand out more against what surrounds them, below 1 less; lungs and mediastinum keep their grays.

    Args:
        factor: k, above 0; a number, or the range of a draw per image that is even in its logarithm. 1 changes nothing.
        spread: standard deviation of the blur, above 0, in units of the image's shortest side; likewise.
        prob: probability that an image is changed.
        latitude: decades of detector signal from black to white; processing comes after the detector and has no use
            for it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.

    Example:
        >>> image = torch.tensor([[0.25, 0.75]]).repeat(1, 8)
        >>> RandLocalContrast(factor=0.5, spread=2.0, prob=1.0)(image).diff().abs().max()  # about 0.25
    """

    def __init__(
        self,
        *,
        factor: float | Sequence[float] = (0.6, 1.5),
        spread: float | Sequence[float] = (0.02, 0.1),
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.factor_range = severity_range("RandLocalContrast: factor", factor, low=0.05, high=20)
        self.spread_range = severity_range("RandLocalContrast: spread", spread, low=0.001, high=10)
        self.factor, self.spread = 1.0, self.spread_range[0]

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to change the image, the factor and the spread."""
        super().randomize(None)
        if self._do_transform:
            self.factor, self.spread = (
                math.exp(self._draw((math.log(low), math.log(high))))
                for low, high in (self.factor_range, self.spread_range)
            )

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        if self.factor == 1:
            return image
        sides = image.shape[1:]
        surroundings = wide_blur(image, [self.spread * min(sides)] * len(sides))
        return torch.lerp(surroundings, image, self.factor)

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

import torch

from .degradation import LATITUDE, RandDegradation, severity_range


class RandWindowClipping(RandDegradation):
    """Export through too narrow a window: the ends of the gray scale are cut off and the rest is stretched.

    ``g' = (g - a) / (1 - a - b)``, clipped to [0, 1]: what was darker than a is black now, what was brighter than
    1 - b is white, and neither can be told apart any more.

    Args:
        cut: a and b, each drawn for itself, as shares of the gray scale; a number, or the range of a uniform draw per
            image and end, in [0, 0.45]. 0 changes nothing.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white; a window comes after the detector and has no use for
            it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.

    Example:
        >>> RandWindowClipping(cut=0.25, prob=1.0)(torch.tensor([[0.1, 0.5, 0.9]]))  # 0, 0.5, 1
    """

    def __init__(
        self,
        *,
        cut: float | Sequence[float] = (0.0, 0.15),
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.cut_range = severity_range("RandWindowClipping: cut", cut, low=0, high=0.45)
        self.cut = (0.0, 0.0)

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, and the cuts at black and at white."""
        super().randomize(None)
        if self._do_transform:
            self.cut = (self._draw(self.cut_range), self._draw(self.cut_range))

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        black, white = self.cut
        return (image - black) / (1 - black - white)

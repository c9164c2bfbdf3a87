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


class RandCollimation(RandDegradation):
    """Borders of the collimated field: bands of one even gray along the sides of the image.

    It takes content away that no restorer can know. To train on it, cover the original alike and before it is
    degraded: give the dictionary twin both keys, or the original's alone ahead of the degradation.

    Args:
        margin: width of each band as a share of the image's side, each drawn for itself; a number, or the range of a
            uniform draw per image and side, in [0, 0.45]. 0 leaves the side open.
        side_prob: probability of a band on each side, in [0, 1].
        level: gray of the bands in [0, 1]; a number, or the range of a uniform draw per image. Processed images have
            black bands (0), unprocessed ones white (1).
        prob: probability that an image is covered.
        latitude: decades of detector signal from black to white; bands have no use for it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.
    """

    def __init__(
        self,
        *,
        margin: float | Sequence[float] = (0.02, 0.12),
        side_prob: float = 0.5,
        level: float | Sequence[float] = 0.0,
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.margin_range = severity_range("RandCollimation: margin", margin, low=0, high=0.45)
        self.side_prob = severity_range("RandCollimation: side_prob", side_prob, low=0, high=1)[0]
        self.level_range = severity_range("RandCollimation: level", level, low=0, high=1)
        self.margins = [0.0] * 6
        self.level = 0.0

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to cover, the width of each band and their gray."""
        super().randomize(None)
        if not self._do_transform:
            return
        self.level = self._draw(self.level_range)
        # two sides of up to three dims
        self.margins = [self._draw(self.margin_range) * (self.R.random_sample() < self.side_prob) for _ in range(6)]

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        covered = torch.full_like(image, self.level)
        field: list[slice] = [slice(None)]
        for axis, side in enumerate(image.shape[1:]):
            before, after = (round(side * margin) for margin in self.margins[2 * axis : 2 * axis + 2])
            field.append(slice(before, side - after))
        covered[tuple(field)] = image[tuple(field)]
        return covered

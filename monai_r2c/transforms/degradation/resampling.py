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
import torch.nn.functional as F

from monai_r2c.utils import InputError

from .degradation import LATITUDE, RandDegradation, check_unit, millimetres, severity_range

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


class RandResampling(RandDegradation):
    """Loss of resolution by storage at a smaller size: shrunk by area averages, then enlarged again.

    Args:
        factor: pixels of the image along each axis for one that was stored, at least 1, or the side of a stored pixel
            in mm; a number, or the range of a uniform draw per image. No more than the image's pixel changes nothing.
        unit: of `factor`: "pixel", or "mm" by the spacing that the image's meta data state.
        enlargement: how it is enlarged, drawn evenly from these: ``"nearest"`` leaves squares, ``"linear"`` is smooth.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white; resampling comes after the detector and has no use
            for it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described or, with "mm", is of
            unknown spacing.
    """

    def __init__(
        self,
        *,
        factor: float | Sequence[float] = (1.0, 3.0),
        unit: Literal["pixel", "mm"] = "pixel",
        enlargement: Sequence[str] = ("linear",),
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.factor_range = severity_range("RandResampling: factor", factor, low=float(unit == "pixel"), high=1000)
        check_unit("RandResampling", unit)
        self.unit = unit
        if not enlargement or isinstance(enlargement, str) or set(enlargement) - {"nearest", "linear"}:
            raise InputError(f"RandResampling: enlargement must list nearest, linear or both, got {enlargement!r}.")
        self.enlargement = tuple(enlargement)
        self.factor, self.kind = 1.0, self.enlargement[0]

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, the factor and the way of enlarging."""
        super().randomize(None)
        if self._do_transform:
            self.factor = self._draw(self.factor_range)
            self.kind = self.enlargement[self.R.randint(len(self.enlargement))]

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        size = image.shape[1:]
        factors = [self.factor] * len(size)
        if self.unit == "mm":
            factors = [max(1.0, self.factor / step) for step in millimetres("RandResampling", spacing, len(size))]
        stored = [max(1, round(side / factor)) for side, factor in zip(size, factors)]
        if list(size) == stored:
            return image
        mode = _LINEAR[len(size)] if self.kind == "linear" else "nearest-exact"
        return F.interpolate(F.interpolate(image[None], stored, mode="area"), size, mode=mode)[0]

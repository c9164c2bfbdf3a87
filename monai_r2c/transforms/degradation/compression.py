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

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from .degradation import LATITUDE, RandDegradation, severity_range
from .planes import on_planes


class RandCompression(RandDegradation):
    """Lossy compression: the image is written as a baseline JPEG of 8 bits and read again.

    Blocks of 8 x 8 pixels, ringing at edges, fine grain gone: what an image carries that was pasted from a slide, a
    messenger or an old archive.

    Args:
        quality: of the JPEG as libjpeg counts it, 1 (worst) to 100; a number, or the range of an even draw of whole
            numbers per image. Even 100 rounds to 256 gray levels.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white; compression comes after the detector and has no use
            for it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out. Every channel
        and every plane of the last two dims is compressed for itself; a 1-D signal as one row.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.

    Source: ITU-T T.81 (JPEG).
    """

    def __init__(
        self,
        *,
        quality: float | Sequence[float] = (10, 85),
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.quality_range = severity_range("RandCompression: quality", quality, low=1, high=100)
        self.quality = 100

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, and the quality."""
        super().randomize(None)
        if self._do_transform:
            self.quality = round(self._draw(self.quality_range))

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        return on_planes(image, self._compressed)

    def _compressed(self, plane: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(np.rint(plane * 255).astype(np.uint8)).save(file, format="JPEG", quality=self.quality)
        return np.asarray(Image.open(file), dtype=np.float32) / 255

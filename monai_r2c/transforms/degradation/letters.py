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

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from monai_r2c.utils import InputError

from .degradation import LATITUDE, RandDegradation, severity_range
from .planes import on_planes


class RandLetters(RandDegradation):
    """Burnt-in words, as markers of side and view stand on radiographs.

    A restorer must leave them as they are. To train on them, write them on the original alike and before it is
    degraded: give the dictionary twin both keys, or the original's alone ahead of the degradation.

    Args:
        words: of which each is drawn evenly.
        count: how many words, at least 0; a number, or the range of an even draw of whole numbers per image.
        height: of the letters as a share of the image's rows; a number, or the range of a uniform draw per word, in
            [0.01, 0.5].
        level: gray of the letters in [0, 1]; a number, or the range of a uniform draw per word.
        border_prob: probability that a word stands near a border, where markers stand; others stand anywhere.
        prob: probability that an image is written on.
        latitude: decades of detector signal from black to white; letters have no use for it.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out. Every plane of
        the last two dims gets the same words.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.
    """

    def __init__(
        self,
        *,
        words: Sequence[str] = ("L", "R", "AP", "PA", "PORTABLE", "SUPINE", "ERECT"),
        count: float | Sequence[float] = (1, 3),
        height: float | Sequence[float] = (0.03, 0.08),
        level: float | Sequence[float] = (0.8, 1.0),
        border_prob: float = 1.0,
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        if not words or isinstance(words, str) or not all(isinstance(word, str) and word for word in words):
            raise InputError(f"RandLetters: words must list at least one word, got {words!r}.")
        self.words = tuple(words)
        self.count_range = severity_range("RandLetters: count", count, low=0, high=100)
        self.height_range = severity_range("RandLetters: height", height, low=0.01, high=0.5)
        self.level_range = severity_range("RandLetters: level", level, low=0, high=1)
        self.border_prob = severity_range("RandLetters: border_prob", border_prob, low=0, high=1)[0]
        # word, height, gray, and place of its middle along rows and columns, both in [0, 1]
        self.written: list[tuple[str, float, float, float, float]] = []

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to write, and each word with its height, gray and place."""
        super().randomize(None)
        if not self._do_transform:
            return
        self.written = [self._word() for _ in range(round(self._draw(self.count_range)))]

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        return on_planes(image, self._written_on) if self.written else image

    def _word(self) -> tuple[str, float, float, float, float]:
        word = self.words[self.R.randint(len(self.words))]
        row, column = self.R.random_sample(2)
        side = self.R.random_sample()
        if side < 0.5 * self.border_prob:
            row = 0.08 if row < 0.5 else 0.92
        elif side < self.border_prob:
            column = 0.1 if column < 0.5 else 0.9
        return word, self._draw(self.height_range), self._draw(self.level_range), row, column

    def _written_on(self, plane: np.ndarray) -> np.ndarray:
        rows, columns = plane.shape
        for word, height, level, row, column in self.written:
            stencil = Image.new("L", (columns, rows))
            font = ImageFont.load_default(size=max(4.0, height * rows))
            ImageDraw.Draw(stencil).text((column * columns, row * rows), word, fill=255, font=font, anchor="mm")
            cover = np.asarray(stencil, dtype=np.float32) / 255
            plane = plane + cover * (np.float32(level) - plane)
        return plane

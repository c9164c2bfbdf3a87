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

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .indicators import INDICATORS

_WIDTH, _HEIGHT, _COLUMNS, _HEAD, _PAD = 190, 120, 5, 64, 10
_BINS = 24
_COLOURS = {"poor": "#111111", "good": "#c9c9c9", "degraded": "#c2410c"}
_LABELS = {"poor": "poor images", "good": "good images as they are", "degraded": "good images degraded as fitted"}


def draw_fit(indicators: Mapping[str, np.ndarray]) -> Image.Image:
    """Draw how each indicator is distributed in poor, good and degraded images.

    Args:
        indicators: ``(images, indicators)`` by ``poor``, ``good`` and ``degraded``, as in `DegradationFit`.
    """
    rows = -(-len(INDICATORS) // _COLUMNS)
    picture = Image.new("RGB", (_COLUMNS * _WIDTH, _HEAD + rows * _HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    x = _PAD
    for name, label in _LABELS.items():
        draw.line([(x, 22), (x + 24, 22)], fill=_COLOURS[name], width=4)
        draw.text((x + 32, 22), label, fill="black", font=font, anchor="lm")
        x += 60 + round(draw.textlength(label, font=font))
    for number, title in enumerate(INDICATORS):
        row, column = divmod(number, _COLUMNS)
        corner = (column * _WIDTH, _HEAD + row * _HEIGHT)
        _draw_panel(draw, corner, title, {name: values[:, number] for name, values in indicators.items()})
    return picture


def _draw_panel(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], title: str, samples: Mapping[str, np.ndarray]
) -> None:
    left, top = corner[0] + _PAD, corner[1] + 18
    width, height = _WIDTH - 2 * _PAD, _HEIGHT - 40
    draw.text((left, top - 16), title, fill="black", font=ImageFont.load_default(size=12))
    low = min(float(values.min()) for values in samples.values())
    high = max(float(values.max()) for values in samples.values())
    edges = np.linspace(low, high if high > low else low + 1e-6, _BINS + 1)
    shares = {name: np.histogram(values, edges)[0] / len(values) for name, values in samples.items()}
    highest = max(share.max() for share in shares.values())
    for name in ("good", "poor", "degraded"):
        points = []
        for bar, share in enumerate(shares[name]):
            y = top + height * (1 - share / highest)
            points += [(left + width * bar / _BINS, y), (left + width * (bar + 1) / _BINS, y)]
        draw.line(points, fill=_COLOURS[name], width=2)
    draw.line([(left, top + height), (left + width, top + height)], fill="#888888")
    small = ImageFont.load_default(size=10)
    draw.text((left, top + height + 3), f"{low:.2g}", fill="#444444", font=small)
    draw.text((left + width, top + height + 3), f"{high:.2g}", fill="#444444", font=small, anchor="ra")

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
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

_GAP = 6
_PAPER, _INK = 255, 0


@dataclass(frozen=True)
class PanelImage:
    """One image of a panel and the line under it.

    Args:
        image: ``(rows, columns)`` in [0, 1]; values outside are clipped.
        caption: shown under the image; may be empty.
    """

    image: torch.Tensor
    caption: str = ""


def draw_panel(titles: Sequence[str], rows: Sequence[Sequence[PanelImage]], min_width: int = 160) -> np.ndarray:
    """Draw a table of gray images with column titles and captions.

    Args:
        titles: one for each column.
        rows: images of each row, one for each column.
        min_width: smaller images are enlarged by a whole factor to at least this width in pixels.

    Returns:
        uint8 array ``(rows, columns)`` of the whole panel.
    """
    widest = max(cell.image.shape[1] for row in rows for cell in row)
    factor = -(-min_width // widest)
    pictures = [[_to_picture(cell.image, factor) for cell in row] for row in rows]
    width = max(picture.width for row in pictures for picture in row)
    font_size = max(11, width // 13)
    font = ImageFont.load_default(size=font_size)
    line = round(font_size * 1.5)
    heights = [max(picture.height for picture in row) for row in pictures]

    columns = len(titles)
    size = (columns * width + (columns + 1) * _GAP, line + sum(heights) + len(rows) * (line + _GAP))
    panel = Image.new("L", size, _PAPER)
    draw = ImageDraw.Draw(panel)
    lefts = [_GAP + column * (width + _GAP) for column in range(columns)]
    for left, title in zip(lefts, titles):
        draw.text((left + width / 2, line / 2), title, fill=_INK, font=font, anchor="mm")
    top = line
    for row, row_pictures, height in zip(rows, pictures, heights):
        for left, cell, picture in zip(lefts, row, row_pictures):
            panel.paste(picture, (left + (width - picture.width) // 2, top))
            draw.text((left + width / 2, top + height + line / 2), cell.caption, fill=_INK, font=font, anchor="mm")
        top += height + line + _GAP
    return np.asarray(panel)


def _to_picture(image: torch.Tensor, factor: int) -> Image.Image:
    gray = (image.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    picture = Image.fromarray(gray)
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)

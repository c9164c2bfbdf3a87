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

from pathlib import Path

import torch
from PIL import Image, ImageDraw

from .cases import cases_of
from .methods import OURS, TITLES, Models, make_method

_SIDE, _GAP, _HEAD = 256, 4, 18
# bed, image, and the upper left corner of its crop: ribs and vessels beside the heart, a lung's apex, a catheter
_SHOWN = (("known", 3, (330, 520)), ("unknown", 5, (300, 250)), ("unknown", 11, (480, 600)))
_METHODS = ("poor", "non_local_means", "trained", "box_native", OURS)


def draw_crops(path: Path, data: Path, work: Path, models: Models) -> None:
    """Crops of poor, restored and clean images, one pixel of the image for one of the picture, as a PNG."""
    names = [name for name in _METHODS if models.allow(name)]
    titles = [TITLES[name] for name in names] + ["clean original"]
    sheet = Image.new("L", (len(titles) * (_SIDE + _GAP), _HEAD + len(_SHOWN) * (_SIDE + _GAP)), 255)
    pen = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        pen.text((column * (_SIDE + _GAP) + 2, 3), title, fill=0)
    for line, (bed, number, corner) in enumerate(_SHOWN):
        clean, poor = cases_of(bed, data, work)[number].pair()
        images = [make_method(name, bed, models).apply(poor) for name in names] + [clean]
        for column, image in enumerate(images):
            place = (column * (_SIDE + _GAP), _HEAD + line * (_SIDE + _GAP))
            sheet.paste(_crop(image, corner), place)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)


def _crop(image: torch.Tensor, corner: tuple[int, int]) -> Image.Image:
    row, column = corner
    part = image[0, row : row + _SIDE, column : column + _SIDE].clamp(0, 1)
    return Image.fromarray((part * 255).round().to(torch.uint8).numpy())

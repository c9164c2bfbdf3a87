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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from .diagnosis import CaseChange
from .document import Pictures
from .make import IMAGES
from .pixels import unpack

_SIDE = 360
_RING = (255, 180, 84)


def draw_case(study: Path, key: Mapping[str, Any], change: CaseChange, conditions: tuple[str, str]) -> Pictures:
    """Show a case that readers called rightly on one image and wrongly on the other, with what they marked.

    Args:
        study: the study's folder, whose images may be gone.
        key: its key.
        change: the case.
        conditions: first and second method.
    """
    found = []
    for half, condition in enumerate(conditions):
        path = study / IMAGES / f"{key['cases'][change.case]['images'].get(condition)}.bin"
        if path.is_file():
            marks = [place for both in change.marks.values() for place in both[half]]
            found.append((condition, _picture(unpack(path.read_bytes()), marks)))
    return Pictures(f"{change.name}, true class {change.label}; right to wrong: {', '.join(change.readers)}", found)


def _picture(pixels: np.ndarray, marks: list[list[float]]) -> bytes:
    rows, columns = pixels.shape
    scale = _SIDE / max(rows, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    gray = Image.fromarray((pixels >> 8).astype(np.uint8)).resize(size, Image.Resampling.LANCZOS)
    picture = gray.convert("RGB") if marks else gray
    pen = ImageDraw.Draw(picture)
    for x, y in marks:
        across, down = x * scale, y * scale
        pen.ellipse((across - 9, down - 9, across + 9, down + 9), outline=_RING, width=2)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()

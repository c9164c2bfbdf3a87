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

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.integrate import trapezoid

_SIZE, _LEFT, _EDGE = 420, 56, 20


def roc_curve(scores: torch.Tensor, positive: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Points of the ROC curve: false and true positive rate at every threshold, from (0, 0) to (1, 1).

    Args:
        scores: ``(images,)``, higher for positive.
        positive: ``(images,)``, bool; some are true and some false.
    """
    order = scores.argsort(descending=True).numpy()
    scores_sorted, hits = scores.numpy()[order], positive.numpy()[order].astype(np.int64)
    last_of_ties = np.append(np.flatnonzero(np.diff(scores_sorted)), len(order) - 1)
    true = np.append(0, hits.cumsum()[last_of_ties] / hits.sum())
    false = np.append(0, (1 - hits).cumsum()[last_of_ties] / (1 - hits).sum())
    return false, true


def draw_roc(scores: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """Draw the ROC curve with its area: uint8 ``(3, rows, columns)``; arguments as of `roc_curve`."""
    false, true = roc_curve(scores, positive)
    area = float(trapezoid(true, false))
    picture = Image.new("RGB", (_SIZE, _SIZE), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=15)
    side = _SIZE - _LEFT - _EDGE

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + x * side, _EDGE + (1 - y) * side

    for tick in (0, 0.25, 0.5, 0.75, 1):
        draw.line([place(tick, 0), place(tick, 1)], fill="#dddddd")
        draw.line([place(0, tick), place(1, tick)], fill="#dddddd")
        if tick in (0, 0.5, 1):
            across, up = place(tick, 0), place(0, tick)
            draw.text((across[0], across[1] + 12), f"{tick:g}", fill="black", font=font, anchor="mm")
            draw.text((up[0] - 8, up[1]), f"{tick:g}", fill="black", font=font, anchor="rm")
    draw.line([place(0, 0), place(1, 1)], fill="#999999")
    draw.line([place(x, y) for x, y in zip(false, true)], fill="#0b62a8", width=3, joint="curve")
    draw.text(place(0.95, 0.06), f"area {area:.3f}", fill="black", font=font, anchor="rm")
    draw.text((place(0.5, 0)[0], _SIZE - 12), "1 - specificity", fill="black", font=font, anchor="mm")
    label = Image.new("RGB", (100, 20), "white")
    ImageDraw.Draw(label).text((50, 10), "sensitivity", fill="black", font=font, anchor="mm")
    picture.paste(label.rotate(90, expand=True), (4, round(place(0, 0.5)[1]) - 50))
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)

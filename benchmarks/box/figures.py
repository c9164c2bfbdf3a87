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

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from PIL import Image, ImageDraw

from .fidelity import poor_of
from .images import Restorer, Row

_GAP = 4


def draw_severity(severity: Mapping[str, Any], path: Path) -> None:
    """SSIM before and after over the severity of each fault."""
    figure, axes = plt.subplots(1, len(severity), figsize=(3.4 * len(severity), 3.0), layout="constrained", sharey=True)
    for axis, found in zip(axes, severity.values()):
        values = [point["value"] for point in found["points"]]
        axis.plot(values, [point["ssim"] for point in found["points"]], "o--", color="C7", label="poor")
        axis.plot(values, [point["ssim_restored"] for point in found["points"]], "o-", color="C0", label="restored")
        axis.set(xlabel=found["title"])
        axis.grid(alpha=0.3)
        if values[0] > values[-1]:
            axis.set_xscale("log")
            axis.invert_xaxis()
    axes[0].set(ylabel="SSIM to the original")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


def draw_worst(
    chosen: Sequence[tuple[str, str]], beds: Mapping[str, Any], rows: Sequence[Row], restorer: Restorer, path: Path
) -> None:
    """Poor, restored and original, one column an image, the worst first."""
    columns = []
    for bed, file in chosen:
        poor, original = poor_of(bed, file, beds, rows)
        columns.append([poor, restorer(poor)[0], original])
    draw_grid(columns, path, ["poor", "restored", "original"], 128)


def draw_grid(columns: Sequence[Sequence[torch.Tensor]], path: Path, titles: Sequence[str], side: int) -> None:
    """Images ``(1, rows, columns)`` in [0, 1] as a PNG, a title before each line; columns may end early."""
    margin = 66
    lines = max(map(len, columns))
    size = (margin + len(columns) * (side + _GAP), lines * (side + _GAP))
    sheet = Image.new("L", size, 255)
    pen = ImageDraw.Draw(sheet)
    for line, title in enumerate(titles):
        pen.text((4, line * (side + _GAP) + side // 2), title, fill=0)
    for number, column in enumerate(columns):
        for line, image in enumerate(column):
            gray = Image.fromarray((image[0].clamp(0, 1) * 255).round().to(torch.uint8).numpy())
            gray = gray.resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(gray, (margin + number * (side + _GAP), line * (side + _GAP)))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)

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
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from .page import DOCS, figure_path
from .strips import ORIGINAL, read_strip, strip_path

CURVES = {"ssim": "SSIM", "psnr": "PSNR, dB", "detail_snr": "detail, dB"}
REAL_CURVES = {"niqe": "NIQE", "checkerboard": "checkerboard, dB"}
STYLES = {"pairs": "-", "unpaired": "--", "bound": ":"}


def draw_curves(bed: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Quality over minutes of every training on a bed."""
    trained = [result for result in results if result.get("curve") and result["learned_on"] == bed]
    if not trained:
        return
    names = CURVES if "ssim" in trained[0]["curve"][0] else REAL_CURVES
    methods = list(dict.fromkeys(result["method"] for result in trained))
    figure, axes = plt.subplots(1, len(names), figsize=(4.6 * len(names), 4.2), layout="constrained")
    colours = plt.get_cmap("tab20").colors
    for axis, (name, label) in zip(axes, names.items()):
        for number, method in enumerate(methods):
            runs = [result for result in trained if result["method"] == method]
            # the untrained network at minute 0 would set the scale
            curves = [[point for point in run["curve"] if point["minutes"] > 0.25] for run in runs]
            looks = list(zip(*curves))
            axis.plot(
                [np.mean([point["minutes"] for point in look]) for look in looks],
                [np.mean([point[name] for point in look]) for look in looks],
                STYLES[runs[0]["kind"]],
                color=colours[number % len(colours)],
                linewidth=1.3,
                label=runs[0]["title"],
            )
        axis.set(xlabel="minutes of processor time", ylabel=label)
        axis.grid(alpha=0.3)
        axis.margins(x=0.01)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    _save(figure, "curves", bed)


def draw_panel(bed: str, results: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """A few test images under every method, once `keep_strips` has left a strip of each in the results' folder."""
    ordered = sorted((result for result in results if "error" not in result), key=_panel_order)
    strips = {result["method"]: result["title"] for result in ordered}
    if not strips or not all(strip_path(folder, bed, name).is_file() for name in strips):
        return
    if strip_path(folder, bed, ORIGINAL).is_file():
        strips[ORIGINAL] = "original"
    columns = [(title, read_strip(strip_path(folder, bed, name))) for name, title in strips.items()]
    across = -(-len(columns) // 2) if len(columns) > 9 else len(columns)
    lines, images = -(-len(columns) // across), len(columns[0][1])
    size = (1.35 * across, 1.42 * lines * images)
    figure, axes = plt.subplots(lines * images, across, figsize=size, layout="constrained", squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for number, (title, shown) in enumerate(columns):
        for row, image in enumerate(shown):
            axis = axes[(number // across) * images + row][number % across]
            axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            if row == 0:
                axis.set_title(title.replace(", ", ",\n"), fontsize=6.5)
    _save(figure, "panel", bed)


def _panel_order(result: Mapping[str, Any]) -> tuple[bool, int, str]:
    order = {"filter": 0, "pairs": 1, "unpaired": 2, "bound": 3}
    return result["method"] != "nothing", order[result["kind"]], result["title"]


def _save(figure: Any, kind: str, bed: str) -> None:
    path = DOCS / figure_path(kind, bed)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)

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
from PIL import Image

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from .page import DOCS, figure_path
from .strips import ORIGINAL, read_strip, strip_path

CURVES = {"ssim": "SSIM", "psnr": "PSNR, dB", "detail_snr": "detail, dB"}
REAL_CURVES = {"niqe": "NIQE", "checkerboard": "checkerboard, dB"}
_ACROSS = 8  # methods of a panel beside each other
STYLES = {"pairs": "-", "unpaired": "--", "bound": ":"}
ROWS = (("pairs", "bound"), ("unpaired",))
SETTLED = 6  # the part of the minutes after which the scale takes a curve in


def draw_curves(bed: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Quality over minutes of every training on a bed."""
    trained = [result for result in results if result.get("curve") and result["learned_on"] == bed]
    if not trained:
        return
    names = CURVES if "ssim" in trained[0]["curve"][0] else REAL_CURVES
    rows = [found for kinds in ROWS if (found := [result for result in trained if result["kind"] in kinds])]
    size = (4.6 * len(names), 4.2 * len(rows))
    figure = plt.figure(figsize=size, layout="constrained")
    for part, found in zip(figure.subfigures(len(rows), squeeze=False)[:, 0], rows):
        axes = part.subplots(1, len(names))
        for axis, (name, label) in zip(axes, names.items()):
            _draw_score(axis, found, name)
            axis.set(xlabel="minutes of processor time", ylabel=label)
        part.legend(
            *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8, frameon=False
        )
    _save(figure, "curves", bed)


def _draw_score(axis: Any, results: Sequence[Mapping[str, Any]], name: str) -> None:
    """The mean over seeds of each method, on a scale that the first looks do not set."""
    settled = []
    for number, method in enumerate(dict.fromkeys(result["method"] for result in results)):
        runs = [result for result in results if result["method"] == method]
        # the network at minute 0 is untrained
        looks = list(zip(*([point for point in run["curve"] if point["minutes"] > 0.25] for run in runs)))
        minutes = np.array([np.mean([point["minutes"] for point in look]) for look in looks])
        scores = np.array([np.mean([point[name] for point in look]) for look in looks])
        settled += scores[minutes > minutes.max() / SETTLED].tolist()
        colours = plt.get_cmap("tab20").colors
        colour, style = colours[number % len(colours)], STYLES[runs[0]["kind"]]
        axis.plot(minutes, scores, style, color=colour, linewidth=1.3, label=runs[0]["title"])
    margin = 0.05 * (max(settled) - min(settled))
    axis.set_ylim(min(settled) - margin, max(settled) + margin)
    axis.grid(alpha=0.3)
    axis.margins(x=0.01)


def draw_panel(bed: str, results: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """A few test images under every method of which `keep_strips` has left a strip in the results' folder."""
    ordered = sorted((result for result in results if "error" not in result), key=_panel_order)
    titles = {result["method"]: result["title"] for result in ordered}
    strips = {name: title for name, title in titles.items() if strip_path(folder, bed, name).is_file()}
    if not strips:
        return
    if strip_path(folder, bed, ORIGINAL).is_file():
        strips[ORIGINAL] = "original"
    columns = [(title, read_strip(strip_path(folder, bed, name))) for name, title in strips.items()]
    lines, images = -(-len(columns) // _ACROSS), len(columns[0][1])
    across = -(-len(columns) // lines)
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
    _save(figure, "panel", bed, gray=True)


def _panel_order(result: Mapping[str, Any]) -> tuple[bool, int, str]:
    order = {"filter": 0, "pairs": 1, "unpaired": 2, "bound": 3}
    return result["method"] != "nothing", order[result["kind"]], result["title"]


def _save(figure: Any, kind: str, bed: str, gray: bool = False) -> None:
    path = DOCS / figure_path(kind, bed)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)
    if gray:
        with Image.open(path) as image:
            image.convert("L").save(path, optimize=True)

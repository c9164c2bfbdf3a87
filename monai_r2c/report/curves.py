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

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 420, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 30
_COLOURS = 5

# panels of the report: title, and columns of metrics.csv with the names of their lines
PANELS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Totals of the losses", (("generator_loss", "generators"), ("discriminator_loss", "discriminators"))),
    ("Cycle loss", (("cycle_poor", "poor"), ("cycle_good", "good"))),
    (
        "Class loss",
        (
            ("class_restored", "poor"),
            ("class_degraded", "good"),
            ("class_cycled_poor", "restored"),
            ("class_cycled_good", "degraded"),
        ),
    ),
    ("Adversarial loss", (("adversarial_restored", "restorer"), ("adversarial_degraded", "degrader"))),
    (
        "Validation, poor images",
        (("validation/accuracy", "accuracy"), ("validation/f1", "F1"), ("validation/auc", "ROC AUC")),
    ),
    ("Validation, PSNR (dB)", (("validation/psnr_poor", "poor"), ("validation/psnr_restored", "restored"))),
    ("Learning rate", (("generator_learning_rate", "generators"),)),
)


def draw_curves(history: Sequence[Mapping[str, float]]) -> list[tuple[str, str]]:
    """Draw the panels of a run's history, see `PANELS`; those without a value are left out.

    Args:
        history: rows of ``metrics.csv``, with ``epoch``.

    Returns:
        Title and SVG of each panel.
    """
    drawn = []
    for title, columns in PANELS:
        lines = [(name, [(row["epoch"], row[column]) for row in history if column in row]) for column, name in columns]
        lines = [(name, points) for name, points in lines if points]
        if lines:
            drawn.append((title, draw_panel(title, lines)))
    return drawn


def draw_panel(title: str, lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> str:
    """Draw lines over epochs as inline SVG, whose colours are those of the page's theme.

    Args:
        title: read out by screen readers.
        lines: name and points (epoch, value) of each, at least one point.
    """
    points = [point for _, line in lines for point in line if math.isfinite(point[1])]
    if not points:
        return ""
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    ticks = nice_ticks(min(y for _, y in points), max(y for _, y in points))
    low, high = ticks[0], ticks[-1]
    labels = [_label(tick) for tick in ticks]
    left = max(_LEFT, 12 + 7 * max(map(len, labels)))  # seven pixels a character

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) if x_high > x_low else 0.5
        return (
            left + across * (_WIDTH - left - _RIGHT),
            _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)} over epochs">']
    for tick, label in zip(ticks, labels):
        y = place(x_low, tick)[1]
        parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for epoch in sorted({x_low, x_high}):
        x, anchor = place(epoch, low)[0], "middle" if x_low == x_high else "start" if epoch == x_low else "end"
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 10}" text-anchor="{anchor}">epoch {epoch:g}</text>')
    for number, (_, line) in enumerate(lines):
        placed = [place(x, y) for x, y in line if math.isfinite(y)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline class="line c{number % _COLOURS}" points="{path}"/>')
        if len(placed) < 30:
            parts += [
                f'<circle class="dot c{number % _COLOURS}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in placed
            ]
    return "".join([*parts, "</svg>"])


def _label(tick: float) -> str:
    """Write a tick as people do: 0.25, 2e-4."""
    if tick and abs(tick) < 1e-3:
        digits, _, power = f"{tick:.2e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{tick:g}"


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`, at even steps of 1, 2 or 5 times a power of ten."""
    if high - low < 1e-12 * max(abs(high), 1e-12):
        margin = abs(high) / 10 or 0.5
        low, high = low - margin, high + margin
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]

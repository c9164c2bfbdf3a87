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
from collections.abc import Sequence
from html import escape

from monai_r2c.report.curves import nice_ticks

from .estimate import Estimate

_WIDTH, _LINE, _LEFT, _RIGHT = 720, 26, 190, 140


def forest(
    title: str, rows: Sequence[tuple[str, Estimate]], null: float, limits: tuple[float, float] | None = None
) -> str:
    """Draw estimates with their intervals under each other.

    Args:
        title: read out by screen readers, and written below the axis.
        rows: name and estimate; undefined ones are left out.
        null: value of no effect, drawn as a dashed line.
        limits: ends of the axis; default what the intervals need.
    """
    shown = [(name, estimate) for name, estimate in rows if not math.isnan(estimate.value)]
    ends = [v for _, e in shown for v in (e.value, e.low, e.high) if not math.isnan(v)]
    low, high = limits or (min([null, *ends]), max([null, *ends]))
    ticks = nice_ticks(low, high)
    height = _LINE * len(shown) + 50

    def across(value: float) -> float:
        inside = min(max(value, ticks[0]), ticks[-1])
        return _LEFT + (inside - ticks[0]) / (ticks[-1] - ticks[0]) * (_WIDTH - _LEFT - _RIGHT)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">']
    bottom = _LINE * len(shown) + 8
    for tick in ticks:
        x = across(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<line class="mid" x1="{across(null):.1f}" y1="4" x2="{across(null):.1f}" y2="{bottom}"/>')
    for number, (name, estimate) in enumerate(shown):
        y = _LINE * number + 20
        parts.append(f'<text class="ink" x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        if not math.isnan(estimate.low):
            x1, x2 = across(estimate.low), across(estimate.high)
            parts.append(f'<line class="interval" x1="{x1:.1f}" y1="{y}" x2="{x2:.1f}" y2="{y}"/>')
        parts.append(f'<circle class="point" cx="{across(estimate.value):.1f}" cy="{y}" r="4"/>')
        parts.append(f'<text x="{_WIDTH - _RIGHT + 14}" y="{y + 4}">{estimate.text(2)}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 36}" text-anchor="middle">{escape(title)}</text></svg>')
    return "".join(parts)


def flow(stages: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Draw a flow diagram: what remains, one box under the other, and beside each arrow what was left out.

    Args:
        stages: text of each box, and the lines of what left before the next one.
    """
    parts, y = [], 8
    for number, (text, left_out) in enumerate(stages):
        parts.append(f'<rect class="box" x="8" y="{y}" width="340" height="40" rx="6"/>')
        parts.append(f'<text class="ink" x="178" y="{y + 25}" text-anchor="middle">{escape(text)}</text>')
        y += 40
        if number + 1 < len(stages):
            gap = max(30, 18 * len(left_out) + 12)
            parts.append(f'<line class="grid" x1="178" y1="{y}" x2="178" y2="{y + gap}"/>')
            for line, reason in enumerate(left_out):
                parts.append(f'<text x="366" y="{y + 16 + 18 * line}">{escape(reason)}</text>')
            y += gap
    return (
        f'<svg viewBox="0 0 {_WIDTH} {y + 8}" role="img" aria-label="Flow of cases and readers">{"".join(parts)}</svg>'
    )

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
from html import escape

from monai_r2c.handlers.tables import ScoreRow, format_count, format_score, score_digits
from monai_r2c.metrics import Score, describe_score

from .collect import RunContents
from .verdict import HARMED, HELPED, find_change

# scores shown large at the top, as far as the run has them; those of restored images beside those of the poor ones
_SHOWN = ("psnr", "niqe", "f1", "auc", "sensitivity", "specificity", "structure_flagged")
_WORDS = {HELPED: "better", HARMED: "worse", "": "no clear change"}


def render_tiles(run: RunContents) -> str:
    """HTML of the most important scores: value, change by restoration, direction, interval and number of images."""
    scores = {row.metric: row for row in run.scores if row.domain == "poor"}
    tiles = [_tile(run, name, scores) for name in _SHOWN if name in scores]
    return f'<div class="tiles">{"".join(tiles)}</div>' if tiles else ""


def _tile(run: RunContents, name: str, scores: dict[str, ScoreRow]) -> str:
    before, about = scores[name].score, describe_score(name)
    after = scores[f"{name}_restored"].score if f"{name}_restored" in scores else None
    parts = [f"<span>{escape(about.title)}, poor images{' → restored' if after is not None else ''}</span>"]
    if _is_shown(before) and after is not None and _is_shown(after):
        digits = score_digits(max(abs(before), abs(after)))
        kind = _kind(run, name, before, after)
        parts += [
            f"<b>{before:.{digits}f} → {after:.{digits}f}</b>",
            f'<span class="change {kind}">{_change(before, after, digits)}, {_WORDS[kind]}</span>',
            f"<span>restored {_interval(after)}</span>",
        ]
    elif _is_shown(before):
        parts += [f"<b>{before:.{score_digits(before)}f}</b>", f"<span>{_interval(before)}</span>"]
    else:
        reason = f": {before.reason}" if math.isnan(before) and before.reason else ""
        parts += [f"<b>—</b><span>{escape(format_score(before) + reason)}</span>"]
    if about.better:
        parts.append(f"<span>{about.better} is better</span>")
    return f'<div class="tile">{"".join(parts)}</div>'


def _change(before: float, after: float, digits: int) -> str:
    if after == before:
        return "■ the same"
    return f"{'▲' if after > before else '▼'} {after - before:+.{digits}f}"


def _is_shown(score: Score) -> bool:
    return not math.isnan(score) and not score.is_of_too_few


def _interval(score: Score) -> str:
    return format_score(score).partition(" ")[2] or format_count(score) or "no interval"


def _kind(run: RunContents, name: str, before: Score, after: Score) -> str:
    """Whether restoration changed a score for certain: image by image where that is known, else by the interval."""
    change = find_change(run, name)
    if change is not None:
        return change.kind if change.kind in _WORDS else ""
    better = describe_score(name).higher_is_better
    if better is None or math.isnan(before.low) or before.low <= after <= before.high:
        return ""
    return HELPED if (after > before) == better else HARMED

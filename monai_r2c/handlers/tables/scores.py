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
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine

from monai_r2c.metrics import DESCRIPTIONS, Score, describe_score
from monai_r2c.metrics.descriptions import RESTORED
from monai_r2c.metrics.score import LEAST_PATIENTS
from monai_r2c.utils.files import csv_text, write_text_atomically

NOTICE = (
    "These scores describe this test set only. Where a label goes together with the hospital, the device or\n"
    "the kind of fault, a high score does not show that a disease is detected."
)
COUNTS = (
    f"n: images (patients, where they are fewer). A score of fewer than {LEAST_PATIENTS} patients, or images where no\n"
    "patient is known, is not shown."
)
_LINE = 104
COLUMNS = ("domain", "metric", "value", "low", "high", "images", "patients", "better", "range", "reason")


@dataclass(frozen=True)
class ScoreRow:
    """A score of one domain, as in ``evaluation.csv``."""

    domain: str
    metric: str
    score: Score

    @property
    def column(self) -> str:
        """Domain, and whether the score is that of the restored images."""
        return f"{self.domain}, restored" if self.metric.endswith(RESTORED) else self.domain

    @property
    def base(self) -> str:
        """The metric's name without ``_restored``."""
        return self.metric.removesuffix(RESTORED)


def collect_scores(evaluators: Mapping[str, Engine]) -> list[ScoreRow]:
    """Return the scalar metrics of evaluators that have run, by the name of the domain that they evaluated."""
    return [
        ScoreRow(domain, name, value if isinstance(value, Score) else Score(float(value)))
        for domain, evaluator in evaluators.items()
        for name, value in evaluator.state.metrics.items()
        if isinstance(value, (int, float))
    ]


def write_scores(path: str | Path, evaluators: Mapping[str, Engine]) -> None:
    """Write the scalar metrics of evaluators that have run as CSV, and print them as a table with a word of caution.

    Args:
        path: of the CSV file, with the columns ``domain``, ``metric``, ``value``, ``low`` and ``high`` (limits of the
            interval), ``images`` and ``patients`` that it rests on (empty where that is not known), ``better`` (higher,
            lower or neither), ``range`` and ``reason`` (why a value is NaN).
        evaluators: by the name of the domain that they evaluated.
    """
    if idist.get_rank() != 0:
        return
    rows = collect_scores(evaluators)
    table: list[Sequence[Any]] = [COLUMNS]
    for row in rows:
        about, score = describe_score(row.metric), row.score
        limits = ("" if math.isnan(limit) else limit for limit in (score.low, score.high))
        counts = (count or "" for count in (score.images, score.patients))
        described = (about.better, about.value_range, score.reason)
        table.append((row.domain, row.metric, float(score), *limits, *counts, *described))
    write_text_atomically(path, csv_text(table))
    print(format_scores(rows, get_terminal_size().columns if sys.stdout.isatty() else None))
    print(f"scores: {path}")


def format_scores(rows: Sequence[ScoreRow], width: int | None = None) -> str:
    """Lay scores out as text: a column for each domain, before and after restoration, and the notice below.

    Args:
        rows: the scores.
        width: characters of a line; where the columns do not fit side by side, they stand in several tables below one
            another. None: one table, however wide.
    """
    columns = {title: _column(rows, title) for title in score_columns(rows)}
    names = {base: describe_score(base).title for base in sorted({row.base for row in rows}, key=score_order)}
    first = max(len(name) for name in ("", *names.values())) + 2
    lines: list[str] = []
    for titles in _side_by_side(columns, (width or sys.maxsize) - first):
        cells = {title: max(map(len, (title, *columns[title].values()))) + 2 for title in titles}
        lines += ["", " " * first + "".join(f"{title:>{cells[title]}}" for title in titles)]
        group = ""
        for base, name in names.items():
            values = [columns[title].get(base, "") for title in titles]
            if not any(values):
                continue
            if describe_score(base).group != group:
                group = describe_score(base).group
                lines.append(group)
            lines.append(
                f"  {name:<{first - 2}}" + "".join(f"{v:>{cells[t]}}" for t, v in zip(titles, values)).rstrip()
            )
    reasons = dict.fromkeys(
        f"{describe_score(r.metric).title}: {r.score.reason} ({r.column})" for r in rows if r.score.reason
    )
    notes = [*("undefined - " + reason for reason in reasons), *(text.replace("\n", " ") for text in (COUNTS, NOTICE))]
    return "\n".join([*lines, "", *(fill(note, min(width or _LINE, _LINE)) for note in notes)])


def _column(rows: Sequence[ScoreRow], title: str) -> dict[str, str]:
    return {row.base: format_score(row.score) for row in rows if row.column == title}


def _side_by_side(columns: Mapping[str, Mapping[str, str]], width: int) -> list[list[str]]:
    """Titles of columns that fit into `width` together; each table has one at least."""
    tables: list[list[str]] = []
    left = 0
    for title, cells in columns.items():
        needed = max(map(len, (title, *cells.values()))) + 2
        if needed > left:
            tables.append([])
            left = width
        tables[-1].append(title)
        left -= needed
    return tables


def format_score(score: Score | None) -> str:
    """Return a score with its interval and number of images, such as ``0.914 [0.861, 0.955] n=120 (60)``.

    It is ``undefined`` where it is NaN, nothing for None, and ``too few, n=3`` below `LEAST_PATIENTS`.
    """
    if score is None:
        return ""
    if math.isnan(score):
        return "undefined"
    if score.is_of_too_few:
        return f"too few, {format_count(score)}"
    digits = score_digits(score)
    interval = "" if math.isnan(score.low) else f" [{score.low:.{digits}f}, {score.high:.{digits}f}]"
    return f"{score:.{digits}f}{interval} {format_count(score)}".rstrip()


def score_digits(score: float) -> int:
    """Digits after the point that a score is shown with."""
    return 3 if abs(score) < 10 else 1 if abs(score) < 1000 else 0


def format_count(score: Score) -> str:
    """Return what a score rests on, such as ``n=120 (60)``: images, and patients where they are fewer."""
    if not score.images:
        return ""
    return f"n={score.images}" + (f" ({score.patients})" if score.patients < score.images else "")


def score_columns(rows: Sequence[ScoreRow]) -> list[str]:
    """Columns of a table of scores: poor before good, before restoration before after."""
    return sorted({row.column for row in rows}, key=lambda column: (not column.startswith("poor"), column))


def score_order(name: str) -> tuple[int, str]:
    """Sort key of scores in a table; unknown ones come last, by name."""
    known = list(DESCRIPTIONS)
    return (known.index(name), "") if name in known else (len(known), name)

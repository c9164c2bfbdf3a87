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

from collections.abc import Sequence

from monai_r2c.handlers.tables import ScoreRow, format_score, score_columns, score_order
from monai_r2c.metrics import describe_score

from .collect import RunContents

Table = tuple[list[str], list[list[str]]]


def score_tables(scores: Sequence[ScoreRow]) -> list[tuple[str, Table]]:
    """Heading and table of each group of scores: a row for each, a column for each domain before and after.

    The last two columns are the range, with the better direction, and the meaning.
    """
    groups: dict[str, list[ScoreRow]] = {}
    for row in sorted(scores, key=lambda row: score_order(row.base)):
        groups.setdefault(describe_score(row.metric).group, []).append(row)
    return [(group, _score_table(rows)) for group, rows in groups.items()]


def _score_table(scores: Sequence[ScoreRow]) -> Table:
    columns = score_columns(scores)
    cells = {(row.base, row.column): row.score for row in scores}
    rows = []
    for base in dict.fromkeys(row.base for row in scores):
        about = describe_score(base)
        values = [format_score(cells.get((base, column))) for column in columns]
        direction = f"{about.value_range}, {about.better} is better" if about.better else about.value_range
        rows.append([about.title, *values, direction, about.meaning])
    return ["Score", *(column.capitalize() for column in columns), "Range", "Meaning"], rows


def undefined_scores(scores: Sequence[ScoreRow]) -> list[str]:
    """One line for each score that has no value, with the reason."""
    return [
        f"{describe_score(row.metric).title} ({row.column}): {row.score.reason}" for row in scores if row.score.reason
    ]


def count_table(run: RunContents) -> Table | None:
    """Images by section and domain, and class; None without a datalist."""
    if run.datalist is None:
        return None
    rows = [
        [f"{section}, {domain}", *map(str, found), str(sum(found))] for (section, domain), found in run.counts().items()
    ]
    return ["Images", *run.datalist.classes, "all"], rows


def confusion_tables(run: RunContents) -> list[tuple[str, Table]]:
    """Heading and table of the poor test images' classes before and after restoration, as far as labels are known."""
    classes = run.cases.get("classes") or (list(run.datalist.classes) if run.datalist else [])
    tables: list[tuple[str, Table]] = []
    if len(classes) < 2:
        return tables
    for heading, column in (("Before restoration", "class"), ("After restoration", "class_restored")):
        found = run.confusion(column)
        if found:
            rows = [[truth, *(str(found.get((truth, given), 0)) for given in classes)] for truth in classes]
            tables.append((heading, (["True class", *(f"called {name}" for name in classes)], rows)))
    return tables


def flag_table(run: RunContents) -> Table | None:
    """Poor test images that have a flag, the least familiar first; None where there is none."""
    flagged = [row for row in run.predictions if row.get("flags")]
    rows = [
        [row["file"], *(row.get(name, "") for name in ("unfamiliarity", "niqe", "niqe_restored")), row["flags"]]
        for row in sorted(flagged, key=lambda row: row.get("unfamiliarity", ""), reverse=True)
    ]
    return (["Image", "Unfamiliarity (limit 1)", "NIQE", "NIQE restored", "Flags"], rows) if rows else None


def setting_table(run: RunContents) -> Table | None:
    """Settings and versions by name; None where the run wrote none."""
    rows = [[name, _shown(value)] for name, value in run.settings.items()]
    rows += [[f"{name} version", version] for name, version in run.versions.items()]
    return (["Setting", "Value"], rows) if rows else None


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)

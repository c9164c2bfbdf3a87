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

import re
from urllib.parse import quote

from monai_r2c.handlers.tables import COUNTS, NOTICE

from .case_page import case_facts, case_name, prediction_of, view_names
from .collect import RunContents
from .tables import Table, confusion_tables, count_table, flag_table, score_tables, setting_table, undefined_scores
from .verdict import judge_restoration

# code, emphasis, tags, cells, links and entities
_MARKUP = re.compile(r"[\\`*<>|]|(?<!\w)_|_(?!\w)|\](?=[(\[:])|&(?=[#\w]+;)")


def render_markdown(run: RunContents, subtitle: str) -> str:
    """Lay a run out as Markdown; images are links to the files of the run's folder."""
    parts = [f"# {_plain(run.folder.resolve().name)}", subtitle]
    kind, sentence = judge_restoration(run)
    parts += [f"**{_plain(sentence)}**"] if kind else []
    parts += [f"> **Confounded:** {_plain(warning)}" for warning in run.warnings]
    if run.scores:
        notice = " ".join(NOTICE.split())
        parts += ["## Scores", f"Test images; in brackets the 95 % interval. {' '.join(COUNTS.split())}", f"*{notice}*"]
        for group, table in score_tables(run.scores):
            parts += [f"### {group}", _table(table)]
        undefined = undefined_scores(run.scores)
        parts += ["### Undefined", "\n".join(f"- {_plain(line)}" for line in undefined)] if undefined else []
        for heading, table in confusion_tables(run):
            parts += [f"### Confusion of classes: {heading.lower()}", _table(table)]
    if run.cases.get("cases"):
        parts += ["## Cases", f"Best and worst are ranked by the change of {_plain(run.cases['gain'])}."]
        for number, case in enumerate(run.cases["cases"], 1):
            views = view_names(case)
            pictures = [f"![{title}](cases/{quote(case['images'][view])})" for view, title in views]
            given = [_plain(prediction_of(case, view, run.cases["classes"])) for view, _ in views]
            label = f"; true class {_plain(case['label'])}" if case.get("label") is not None else ""
            parts += [
                f"### Case {number}: {_plain(case_name(case))}",
                f"{_plain(', '.join(case['reasons']))}{label}; {case_facts(case)}",
                _table(([title for _, title in views], [pictures, given]), plain=False),
            ]
    for heading, found in (
        ("Flagged images", flag_table(run)),
        ("Data", count_table(run)),
        ("Configuration", setting_table(run)),
    ):
        if found is not None:
            parts += [f"## {heading}", _table(found)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """Escape what Markdown or HTML would take for more than text; a line stays one."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))


def _table(table: Table, plain: bool = True) -> str:
    header, rows = table
    if plain:
        header, rows = [_plain(cell) for cell in header], [[_plain(cell) for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

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

from monai_r2c.handlers.score_table import NOTICE
from monai_r2c.utils import in_one_line

from .case_page import case_facts, case_name, prediction_of, view_names
from .collect import RunContents
from .tables import Table, confusion_tables, count_table, score_tables, setting_table, undefined_scores


def render_markdown(run: RunContents, subtitle: str) -> str:
    """Lay a run out as Markdown; images are links to the files of the run's folder."""
    parts = [f"# {_escaped(run.folder.resolve().name)}", subtitle]
    parts += [f"> **Confounded:** {_escaped(warning)}" for warning in run.warnings]
    if run.scores:
        notice = " ".join(NOTICE.split())
        parts += ["## Scores", "Test images; in brackets the 95 % interval.", f"*{notice}*"]
        for group, table in score_tables(run.scores):
            parts += [f"### {group}", _table(table)]
        undefined = undefined_scores(run.scores)
        parts += ["### Undefined", "\n".join(f"- {line}" for line in undefined)] if undefined else []
        for heading, table in confusion_tables(run):
            parts += [f"### Confusion of classes: {heading.lower()}", _table(table)]
    if run.cases.get("cases"):
        parts += ["## Cases", f"Best and worst are ranked by {run.cases['gain']}."]
        for number, case in enumerate(run.cases["cases"], 1):
            views = view_names(case)
            pictures = [f"![{title}](cases/{case['images'][view]})" for view, title in views]
            given = [prediction_of(case, view, run.cases["classes"]) for view, _ in views]
            label = f"; true class {_escaped(case['label'])}" if case.get("label") is not None else ""
            parts += [
                f"### Case {number}: {_escaped(case_name(case))}",
                f"{', '.join(case['reasons'])}{label}; {case_facts(case)}",
                _table(([title for _, title in views], [pictures, given])),
            ]
    for heading, found in (("Data", count_table(run)), ("Configuration", setting_table(run))):
        if found is not None:
            parts += [f"## {heading}", _table(found)]
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    header, rows = table
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    """A cell, whose Markdown is ours where it is a picture."""
    return text if text.startswith("![") else _escaped(text)


def _escaped(text: str) -> str:
    """A text in which nothing is Markdown or HTML, such as a file's name, in one line."""
    return re.sub(r"[\\`*<>|&]|](?=[(\[])", r"\\\g<0>", in_one_line(text))

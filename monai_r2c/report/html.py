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

from html import escape
from importlib.resources import files
from string import Template

from monai_r2c.handlers.tables import COUNTS, NOTICE

from .case_page import render_cases
from .collect import RunContents
from .curves import PANELS, draw_curves
from .tables import Table, confusion_tables, count_table, flag_table, score_tables, setting_table, undefined_scores
from .tiles import render_tiles
from .verdict import judge_restoration


def render_html(run: RunContents, subtitle: str) -> str:
    """Lay a run out as one page that needs no other file: styles, script and images are inside.

    Args:
        run: its contents.
        subtitle: one line under the title.
    """
    sections = [
        ("cases", "Cases", render_cases(run) if run.cases.get("cases") else ""),
        ("flags", "Flagged images", _flags(run)),
        ("scores", "Scores", _scores(run)),
        ("curves", "Training", _curves(run)),
        ("data", "Data", _data(run)),
        ("settings", "Configuration", _settings(run)),
    ]
    shown = [section for section in sections if section[2]]
    tiles = render_tiles(run)
    body = [_verdict(run), _warnings(run), f"{tiles}{_notice()}" if tiles else ""]
    body += [f'<section id="{key}"><h2>{title}</h2>{content}</section>' for key, title, content in shown]
    package = files("monai_r2c.report")
    return Template(package.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(run.folder.resolve().name),
        subtitle=escape(subtitle),
        navigation="".join(f'<a href="#{key}">{title}</a>' for key, title, _ in shown),
        style=package.joinpath("page.css").read_text(encoding="utf-8"),
        script=package.joinpath("page.js").read_text(encoding="utf-8"),
        body="\n".join(filter(None, body)),
    )


def _verdict(run: RunContents) -> str:
    kind, sentence = judge_restoration(run)
    return f'<p class="verdict {kind}">{escape(sentence)}</p>' if sentence else ""


def _warnings(run: RunContents) -> str:
    if not run.warnings:
        return ""
    lines = "".join(f"<p><strong>Confounded:</strong> {escape(warning)}</p>" for warning in run.warnings)
    return f'<div class="warning" role="alert">{lines}</div>'


def _notice() -> str:
    return f'<p class="notice">{escape(NOTICE)}</p>'


def _scores(run: RunContents) -> str:
    if not run.scores:
        return ""
    parts = [
        f"<p>Test images; in brackets the 95 % interval, over patients where they are known. {escape(COUNTS)}</p>",
        _notice(),
    ]
    for group, table in score_tables(run.scores):
        parts.append(f"<h3>{escape(group)}</h3>{_score_table(table)}")
    undefined = undefined_scores(run.scores)
    if undefined:
        parts.append("<h3>Undefined</h3><ul>" + "".join(f"<li>{escape(line)}</li>" for line in undefined) + "</ul>")
    confusion = confusion_tables(run)
    if confusion:
        cards = [f"<div><h3>{heading}</h3>{_table(table)}</div>" for heading, table in confusion]
        parts.append(f'<h3>Confusion of classes, poor images</h3><div class="two">{"".join(cards)}</div>')
    return "".join(parts)


def _curves(run: RunContents) -> str:
    names = {title: [name for column, name in columns if _known(run, column)] for title, columns in PANELS}
    cards = []
    for title, drawing in draw_curves(run.history):
        legend = "".join(f'<li><i class="c{i % 5}"></i>{escape(name)}</li>' for i, name in enumerate(names[title]))
        cards.append(f'<figure class="card"><h3>{escape(title)}</h3>{drawing}<ul class="legend">{legend}</ul></figure>')
    return f'<div class="curves">{"".join(cards)}</div>' if cards else ""


def _known(run: RunContents, column: str) -> bool:
    return any(column in row for row in run.history)


def _data(run: RunContents) -> str:
    table = count_table(run)
    if table is None:
        return ""
    patients = run.patients()
    known = f"{patients} patients are known by name." if patients else "No patient is given: intervals are over images."
    return f"{_table(table)}<p>{known}</p>"


def _flags(run: RunContents) -> str:
    table = flag_table(run)
    if table is None:
        return ""
    return (
        "<p><b>unfamiliar</b>: unlike what the model was trained on, so nothing is known of what it makes of it; "
        f"<b>worse</b>: NIQE, lower is better, rose to a value that good images hardly have.</p>{_table(table)}"
    )


def _settings(run: RunContents) -> str:
    table = setting_table(run)
    return _table(table) if table else ""


def _table(table: Table) -> str:
    header, rows = table
    return _markup(header, [[escape(cell) for cell in row] for row in rows])


def _score_table(table: Table) -> str:
    # the meaning stands under the score's name, so that the numbers fit
    header, rows = table
    lines = [
        [f"{escape(title)}<small>{escape(meaning)}</small>", *map(escape, cells)] for title, *cells, meaning in rows
    ]
    return _markup(header[:-1], lines)


def _markup(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
    body = []
    for first, *cells in rows:
        shown = "".join(f"<td>{cell}</td>" for cell in cells)
        body.append(f'<tr><th scope="row">{first}</th>{shown}</tr>')
    parts = f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table>{parts}</table></div>'

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

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from string import Template

from monai_r2c.report.tables import Table


@dataclass
class Document:
    """A report in sections, which can be written as a web page and as Markdown.

    Args:
        title: of the report.
        subtitle: one line below it.
        tiles: title, value and interval of what is shown large.
        warnings: lines that stand before everything else.
        sections: heading and content of each.
    """

    title: str
    subtitle: str
    tiles: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    sections: list[tuple[str, list[Part]]] = field(default_factory=list)

    def html(self) -> str:
        """One page that needs no other file, in the look of a run's report."""
        package, own = files("monai_r2c.report"), files("monai_r2c.study").joinpath("assets")
        names = [f"part-{number}" for number in range(1, len(self.sections) + 1)]
        body = []
        if self.warnings:
            lines = "".join(f"<p>{escape(warning)}</p>" for warning in self.warnings)
            body.append(f'<div class="warning" role="alert">{lines}</div>')
        tiles = [
            f'<div class="tile"><span>{escape(title)}</span><b>{escape(value)}</b><span>{escape(more)}</span></div>'
            for title, value, more in self.tiles
        ]
        body.append(f'<div class="tiles">{"".join(tiles)}</div>' if tiles else "")
        for name, (heading, parts) in zip(names, self.sections):
            content = "".join(part.html() for part in parts)
            body.append(f'<section id="{name}"><h2>{escape(heading)}</h2>{content}</section>')
        links = [f'<a href="#{name}">{escape(heading)}</a>' for name, (heading, _) in zip(names, self.sections)]
        return Template(own.joinpath("report.html").read_text(encoding="utf-8")).substitute(
            title=escape(self.title),
            subtitle=escape(self.subtitle),
            navigation="".join(links),
            style=package.joinpath("page.css").read_text(encoding="utf-8")
            + own.joinpath("report.css").read_text(encoding="utf-8"),
            body="\n".join(filter(None, body)),
        )

    def markdown(self) -> str:
        """The same as Markdown."""
        parts = [f"# {self.title}", self.subtitle, *(f"> {warning}" for warning in self.warnings)]
        if self.tiles:
            parts.append("\n".join(f"- {title}: **{value}** {more}".rstrip() for title, value, more in self.tiles))
        for heading, content in self.sections:
            parts += [f"## {heading}", *(text for part in content if (text := part.markdown()))]
        return "\n\n".join(parts) + "\n"


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str

    def html(self) -> str:
        return f"<h3>{escape(self.text)}</h3>"

    def markdown(self) -> str:
        return f"### {self.text}"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def html(self) -> str:
        return f"<p>{escape(self.text)}</p>"

    def markdown(self) -> str:
        return self.text


@dataclass(frozen=True)
class Lines:
    """A list of lines."""

    lines: Sequence[str]

    def html(self) -> str:
        return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in self.lines) + "</ul>"

    def markdown(self) -> str:
        return "\n".join(f"- {line}" for line in self.lines)


@dataclass(frozen=True)
class Grid:
    """A table; the first column names the rows."""

    table: Table

    def html(self) -> str:
        header, rows = self.table
        head = "".join(f'<th scope="col">{escape(title)}</th>' for title in header)
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for first, *cells in rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div class="scroll" tabindex="0">{table}</div>'

    def markdown(self) -> str:
        header, rows = self.table
        lines = [header, ["---"] * len(header), *rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


@dataclass(frozen=True)
class Drawing:
    """An SVG for the page, and lines that say the same in Markdown."""

    svg: str
    lines: Sequence[str] = ()

    def html(self) -> str:
        return f'<figure class="card">{self.svg}</figure>'

    def markdown(self) -> str:
        return "\n".join(f"- {line}" for line in self.lines)


@dataclass(frozen=True)
class Pictures:
    """Images side by side, for the page alone.

    Args:
        caption: below them.
        images: title and PNG file of each.
    """

    caption: str
    images: Sequence[tuple[str, bytes]]

    def html(self) -> str:
        shown = "".join(
            f'<div><img src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="{escape(title)}">'
            f"<span>{escape(title)}</span></div>"
            for title, png in self.images
        )
        return f'<figure class="card pair"><div>{shown}</div><figcaption>{escape(self.caption)}</figcaption></figure>'

    def markdown(self) -> str:
        return ""


Part = Heading | Text | Lines | Grid | Drawing | Pictures

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

"""The code blocks of README and the documentation, in the order in which they are read.

A block that does not run where the others do says why in a comment before it: ``<!-- not run: needs two machines -->``.
What a block needs and a page does not show stands in a comment too, ``<!-- before: engine = ... -->``: Python for a
Python block, shell for a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).parents[1]
RUN = ("bash", "python", "diff")
SHOWN = ("text", "yaml", "json", "toml")

# pages that scripts write
GENERATED = {"results.md": "the benchmark takes hours; tests/benchmarks runs it small"}

_BLOCK = re.compile(
    r"(?P<comments>(?:^<!--(?:(?!-->)[\s\S])*-->\n+)*)^ *```(?P<language>[^\n]*)\n(?P<text>[\s\S]*?)^ *```$", re.M
)
_NOT_RUN = re.compile(r"<!-- not run: ([\s\S]*?) -->")
_BEFORE = re.compile(r"<!-- before:\s([\s\S]*?)\s?-->")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, its language and text, why it is not run, and what goes before it."""

    page: Path
    line: int
    language: str
    text: str
    reason: str
    before: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(TREE).as_posix()}:{self.line}"


def pages() -> list[Path]:
    """README and every page that is written by hand."""
    found = [TREE / "README.md", TREE / "CONTRIBUTING.md", *sorted((TREE / "docs/source").rglob("*.md"))]
    return [page for page in found if "generated" not in page.parts]


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page; those of directives, such as ```{toctree}, are not code."""
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        language = match["language"].strip()
        if language.startswith("{"):
            continue
        reason, before = _NOT_RUN.search(match["comments"]), _BEFORE.search(match["comments"])
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(
            page,
            line,
            language,
            match["text"],
            " ".join(reason[1].split()) if reason else GENERATED.get(page.name, ""),
            before[1] if before else "",
        )


def commands_of(block: Block) -> list[str]:
    """Return the commands of a shell block, one a line, with lines that go on joined."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]

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

import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TextIO

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


@dataclass
class ViewContents:
    """What a `LiveView` shows beside its bars.

    Args:
        losses: mean of each group's terms over the looks at this epoch so far, by group.
        scores: last and best value of each validation score, and whether the last is the best, by name.
        saved: what was written last.
    """

    losses: dict[str, float] = field(default_factory=dict)
    scores: dict[str, tuple[float, float, bool]] = field(default_factory=dict)
    saved: str = ""


class LiveView:
    """A view of a run that stays at the bottom of a terminal: bars of epoch and run, losses, scores, what was saved.

    What the process prints or logs meanwhile goes above it.

    Args:
        title: of the view.
        console: to draw on.
    """

    def __init__(self, title: str, console: Console) -> None:
        self.title = title
        self.contents = ViewContents()
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("passed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._epoch, self._run = (self.progress.add_task(name, total=None) for name in ("epoch", "run"))
        self._live = Live(
            get_renderable=self._render, console=console, refresh_per_second=4, redirect_stdout=True, transient=False
        )
        self._streams: list[tuple[logging.StreamHandler, TextIO]] = []

    def start(self) -> None:
        """Show the view."""
        self._live.start(refresh=True)
        # handlers of logging keep the stream that they were made with, and would write into the view
        for handler in _stream_handlers():
            if handler.stream in (sys.__stdout__, sys.__stderr__):
                self._streams.append((handler, handler.setStream(sys.stdout)))  # type: ignore[arg-type]

    def stop(self) -> None:
        """Leave the last view standing, and give the terminal back."""
        while self._streams:
            handler, stream = self._streams.pop()
            handler.setStream(stream)
        self._live.stop()

    def start_epoch(self, epoch: int, epochs: int, done: int, length: int) -> None:
        """Begin the bar of an epoch at `done` of its steps."""
        self.progress.reset(self._epoch, total=length, completed=done, description=f"epoch {epoch} of {epochs}")

    def start_run(self, done: int, total: int) -> None:
        """Begin the bar of the run at `done` of its steps: those that a run which is continued made before."""
        self.progress.reset(self._run, total=total, completed=done)

    def step(self) -> None:
        """One step is done."""
        self.progress.advance(self._epoch)
        self.progress.advance(self._run)

    def _render(self) -> Panel:
        parts: list[object] = [self.progress]
        if self.contents.losses:
            parts.append(_row("loss", {name: f"{value:.3g}" for name, value in self.contents.losses.items()}))
        scores = {
            name: f"{last:.3f} ▲ best" if is_best else f"{last:.3f} ▼ best {best:.3f}"
            for name, (last, best, is_best) in self.contents.scores.items()
        }
        if scores:
            parts.append(_row("validation", scores))
        if self.contents.saved:
            parts.append(f"saved: {self.contents.saved}")
        # a terminal writes ^C at the end of the last line, which must not spill into a new one
        width = max(20, self.progress.console.width - 3)
        # rich widens a panel to its title; the end of a path says most
        room = width - 6
        title = self.title if len(self.title) <= room else "…" + self.title[1 - room :]
        return Panel(Group(*parts), title=title, title_align="left", width=width)  # type: ignore[arg-type]


def _row(title: str, values: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    # on a narrow terminal they go on in a next line, none broken
    table.add_row(title, Columns([f"{name} [b]{value}[/b]" for name, value in values.items()], padding=(0, 2)))
    return table


def _stream_handlers() -> Iterator[logging.StreamHandler]:
    named = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    for logger in (logging.root, *named):
        yield from (handler for handler in logger.handlers if isinstance(handler, logging.StreamHandler))

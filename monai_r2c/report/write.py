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

import shlex
from datetime import datetime, timezone
from pathlib import Path

import ignite.distributed as idist

from monai_r2c.utils.files import write_text_atomically

from .collect import read_run
from .html import render_html
from .markdown import render_markdown
from .verdict import judge_restoration


def write_report(run_dir: str | Path) -> list[Path]:
    """Write ``report.html``, one page that needs no other file, and ``report.md`` into a run's folder.

    They hold what the folder has: configuration, data, curves, scores with intervals, cases, and a warning for each
    confounding of the datalist. The first rank writes.

    Args:
        run_dir: the run's output_dir; best after its evaluation.

    Returns:
        The two files; nothing on the other ranks.

    Raises:
        InputError: as `read_run`.
    """
    if idist.get_rank() != 0:
        return []
    run = read_run(run_dir)
    subtitle = f"Written {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
    if run.history:
        subtitle += f", after {run.history[-1]['epoch']:g} epochs"
    pages = {"report.html": render_html(run, subtitle), "report.md": render_markdown(run, subtitle)}
    for name, text in pages.items():
        write_text_atomically(run.folder / name, text)
    for warning in run.warnings:
        print(f"warning: {warning}")
    sentence = judge_restoration(run)[1]
    if sentence:
        print(sentence)
    print(f"report: {run.folder / 'report.html'}")
    if (run.folder / "model.pt").is_file():
        model = shlex.quote(str(run.folder / "model.pt"))
        print(f"next:\n  python -m monai_r2c restore IMAGES --model {model} --output restored")
    return [run.folder / name for name in pages]

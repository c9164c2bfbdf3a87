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

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import head, number, text_of
from .summary import Row

_HEADS = (
    "method",
    "bed",
    "seeds",
    "minutes",
    "weights kept from minute",
    "steps",
    "processor",
    "parameters",
    "ms an image",
    "peak memory, MiB",
)


def costs_section(tables: Mapping[str, Sequence[Row]]) -> str:
    """What each row was trained and restored with: minutes, steps, processors, memory, settings.

    Args:
        tables: the rows of each bed, and of ``bed@minutes`` for trainings of fewer minutes.
    """
    lines = ["## What each cost", "", text_of("costs"), "", head(_HEADS)]
    settings: dict[tuple[str, str], list[str]] = {}
    for bed, rows in tables.items():
        for row in rows:
            if not row.runs or row.runs[0]["learned_on"] != bed.split("@")[0] or ("@" in bed and row.kind == "filter"):
                continue
            cells = [row.title, bed.split("@")[0], str(len(row.runs))]
            cells += [number(row.mean(name), 1) for name in ("minutes", "kept_from_minute")]
            steps, processors = _by_seed(row, "steps"), _by_seed(row, "host", "processor")
            cells += [steps, processors.replace("AMD EPYC", "EPYC"), number(row.mean("parameters"), 0)]
            cells += [number(row.mean("milliseconds"), 1), number(row.mean("peak_memory_mib"), 0)]
            lines.append("| " + " | ".join(cells) + " |")
            used = ", ".join(f"{key} {_plain(value)}" for key, value in row.runs[0]["settings"].items())
            beds = settings.setdefault((row.title, used), [])
            beds += [bed.split("@")[0]] * (bed.split("@")[0] not in beds)
    runs = [run for rows in tables.values() for row in rows for run in row.runs]
    hosts = sorted({run["host"]["processor"] for run in runs})
    commits = sorted({run["commit"] for run in runs})
    judges = sorted({f"{run['judge_auc']:.3f}" for run in runs if run["distances"]})
    lines += ["", f"Processor: {', '.join(hosts)}. Package at commit: {', '.join(commits)}."]
    lines += [f"AUC of the judge on the originals of the test images: {', '.join(judges)}.", ""]
    lines += ["### Settings", ""]
    for (title, used), beds in sorted(settings.items()):
        lines.append(f"- {title} ({', '.join(f'`{bed}`' for bed in beds)}): {used or 'none'}")
    return "\n".join(lines)


def _by_seed(row: Row, *path: str) -> str:
    """The entries of a row's seeds, once where all are alike, else one after the other."""
    values = [functools.reduce(lambda found, key: found.get(key, ""), path, run) for run in row.runs]
    texts = [f"{value:,}" if isinstance(value, int) else str(value) for value in values]
    return " / ".join(texts[:1] if len(set(texts)) == 1 else texts)


def _plain(value: Any) -> str:
    return " + ".join(map(str, value)) if isinstance(value, list) else str(value)

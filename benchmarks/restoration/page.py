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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .ablation import ablation_section
from .classification import classification_section
from .costs import costs_section
from .exposure import exposure_section
from .findings import DISTANCES, filled
from .markdown import head, number, text_of
from .runner import all_methods, wanted
from .scores import SCORES
from .settings import HERE, Settings
from .summary import Estimate, Row, best_baseline, of_one_judge, summarise

DOCS = HERE.parents[1] / "docs/source"
PAGE = DOCS / "results.md"

KINDS = {"filter": "filter", "pairs": "synthetic pairs", "unpaired": "unpaired", "bound": "true pairs: a bound"}
FIDELITY = ("psnr", "ssim", "ms_ssim", "line_psnr", "line_ssim")
LOOK = ("detail_snr", "detail_energy", "checkerboard", "niqe", "class_preserved")
DIFFERENCES = ("psnr", "ssim", "line_psnr", "line_ssim", "detail_snr")
REAL_DIFFERENCES = ("niqe", "checkerboard")

Results = Sequence[Mapping[str, Any]]


def render(
    results: Results, shorter: Mapping[float, Results], classes: Results, settings: Settings, exposure: Results = ()
) -> str:
    """The page ``docs/source/results.md`` from the results; its numbers come from nowhere else.

    Args:
        results: of the minutes that `config.yaml` states.
        shorter: those of fewer minutes, by the minutes.
        classes: of the classification.
        settings: `config.yaml`.
        exposure: of `read_exposure`.
    """
    shorter = {minutes: of_one_judge(found, among=results) for minutes, found in shorter.items()}
    results = of_one_judge(results)
    beds = {bed: [result for result in results if result["bed"] == bed] for bed in settings.beds}
    tables = {bed: _sorted(summarise(found)) for bed, found in beds.items() if found}
    parts = [text_of("start"), _missing(beds, settings)]
    every = dict(tables)
    for bed, rows in tables.items():
        parts += [f"## Bed `{bed}`", text_of(f"bed_{bed}")]
        trained = {
            minutes: there
            for minutes, found in shorter.items()
            if _holds_trained(there := [result for result in found if result["bed"] == bed])
        }
        # filters stand among the trained methods, once
        if _holds_trained(beds[bed]) or not trained:
            parts += _tables(rows, beds[bed])
        for minutes, there in trained.items():
            every[f"{bed}@{minutes:g}"] = _sorted(summarise(there))
            parts += [f"### After {minutes:g} minutes of training", *_tables(every[f"{bed}@{minutes:g}"], there)]
        parts += _figures(bed)
    parts += [ablation_section(results), exposure_section(exposure), classification_section(classes)]
    parts += [costs_section(every), text_of("repeat")]
    parts.insert(1, filled(text_of("findings"), every, classes))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _holds_trained(results: Results) -> bool:
    return any(result["kind"] != "filter" for result in results)


def longest(results: Results) -> list[Mapping[str, Any]]:
    """Of the results of each method and seed the one of the most minutes."""
    best: dict[tuple[str, int], Mapping[str, Any]] = {}
    for result in results:
        key = (result["method"], result["seed"])
        if key not in best or result.get("budget", 0) > best[key].get("budget", 0):
            best[key] = result
    return list(best.values())


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """The poor image first, then kind by kind, in each by title."""
    return sorted(rows, key=lambda row: (row.method != "nothing", list(KINDS).index(row.kind), row.title))


def _tables(rows: Sequence[Row], results: Results) -> list[str]:
    baseline = best_baseline(results)
    fidelity = [name for name in FIDELITY if any(name in row.scores for row in rows)]
    parts = [_table(rows, fidelity, with_seeds=True)] if fidelity else []
    parts.append(_table(rows, [name for name in LOOK if any(name in row.scores for row in rows)], distances=True))
    if baseline:
        title = next(row.title for row in rows if row.method == baseline)
        parts.append(_difference_table(rows, DIFFERENCES if fidelity else REAL_DIFFERENCES, title))
    if any(set(run["kinds"]) - {"faults", ""} for row in rows for run in row.runs):
        parts.append(_kinds_table(rows))
    return parts


def _table(rows: Sequence[Row], names: Sequence[str], with_seeds: bool = False, distances: bool = False) -> str:
    heads = ["method", *(["seeds"] if with_seeds else []), *(SCORES[name][0] for name in names)]
    heads += ["Frechet", "kernel"] if distances else []
    lines = [head(heads)]
    for row in rows:
        if row.failure:
            lines.append(f"| {row.title} | failed: {row.failure} |" + " |" * (len(heads) - 2))
            continue
        cells = [row.title, *([str(len(row.runs))] if with_seeds else [])]
        cells += [_interval(row.scores[name], SCORES[name][2]) if name in row.scores else "" for name in names]
        if distances:
            cells += [number(row.mean("distances", name), DISTANCES[name]) for name in DISTANCES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _difference_table(rows: Sequence[Row], names: Sequence[str], baseline: str) -> str:
    names = [name for name in names if any(name in row.differences for row in rows)]
    if not names:
        return ""
    lines = [
        "Differences, image by image, to the filter or the synthetic pairs that are best on validation: "
        f"**{baseline}**. An interval that holds 0 shows no difference.",
        "",
        head(["method", *(SCORES[name][0] for name in names)]),
    ]
    for row in rows:
        if row.differences:
            cells = [_interval(row.differences[name], SCORES[name][2], signed=True) for name in names]
            lines.append("| " + " | ".join([row.title, *cells]) + " |")
    return "\n".join(lines)


def _kinds_table(rows: Sequence[Row]) -> str:
    kinds = sorted({kind for row in rows for run in row.runs for kind in run["kinds"]})
    lines = ["PSNR and SSIM by kind of fault:", "", head(["method", *(kind.replace("_", " ") for kind in kinds)])]
    for row in rows:
        if row.runs:
            cells = [f"{_of_kind(row, 'psnr', kind):.2f}, {_of_kind(row, 'ssim', kind):.3f}" for kind in kinds]
            lines.append("| " + " | ".join([row.title, *cells]) + " |")
    return "\n".join(lines)


def _of_kind(row: Row, score: str, kind: str) -> float:
    values = [v for run in row.runs for v, k in zip(run["scores"][score], run["kinds"]) if k == kind]
    return sum(values) / len(values)


def _missing(beds: Mapping[str, Sequence[Mapping[str, Any]]], settings: Settings) -> str:
    """Say which cells are not there yet."""
    lines = []
    for bed, results in beds.items():
        there = {(result["method"], result["seed"]) for result in results}
        seeds = settings.bed(bed)["seeds"]
        absent: dict[tuple[int, ...], list[str]] = {}
        for name in all_methods(settings):
            asked = wanted(name, bed, seeds, settings)
            lacking = tuple(seed for seed in asked if (name, seed) not in there)
            if lacking and sum(method == name for method, _ in there) < len(asked):
                absent.setdefault(lacking, []).append(f"`{name}`")
        for lacking, names in absent.items():
            numbers = f"seed{'s' * (len(lacking) > 1)} {', '.join(map(str, lacking))}"
            lines.append(f"- `{bed}`, {numbers}: {', '.join(names)}")
    if not lines:
        return ""
    text = "Runs go on; with the minutes that `config.yaml` states, these have no result yet:"
    return f"## Not there yet\n\n{text}\n\n" + "\n".join(lines)


def _figures(bed: str) -> list[str]:
    captions = {
        "curves": "Quality over minutes of training, on the validation images looked at; means over seeds.",
        "panel": "The same test images under every method, one training each (a few of another training of the same "
        "minutes than those in the table), the originals last.",
    }
    found = [(kind, text) for kind, text in captions.items() if (DOCS / figure_path(kind, bed)).is_file()]
    return [f"![{text}]({figure_path(kind, bed)})\n\n*{text}*" for kind, text in found]


def figure_path(kind: str, bed: str) -> str:
    """Below docs/source."""
    return f"figures/restoration_{kind}_{bed}.png"


def _interval(estimate: Estimate, decimals: int, signed: bool = False) -> str:
    sign = "+" if signed else ""
    mean = f"{estimate.mean:{sign}.{decimals}f}"
    if math.isnan(estimate.low):
        return mean
    return f"{mean} ({estimate.low:{sign}.{decimals}f} to {estimate.high:{sign}.{decimals}f})"


def write_page(text: str, path: Path = PAGE) -> None:
    path.write_text(text, encoding="utf-8")

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
from html import escape
from pathlib import Path
from typing import Any

from .collect import RunContents

_VIEWS = {
    "poor": "Poor",
    "pass_1": "Restored",
    "reference": "Clean original",
    "difference": "What changed",
    "structure": "Change of structure",
}
_ABOUT = {
    "difference": "orange brighter, blue darker",
    "structure": "black none, yellow most",
    "reference": "never shown to the model",
}
_MEASURES = (("psnr", "PSNR", 1), ("niqe", "NIQE", 2), ("noise", "noise", 2), ("sharpness", "sharpness", 2))


def case_name(case: dict[str, Any]) -> str:
    """A case's file name without its folders."""
    return Path(case["file"]).name


def case_facts(case: dict[str, Any]) -> str:
    """What was measured in a case, before and after restoration."""
    facts = []
    for name, title, digits in _MEASURES:
        before, after = case.get(name), case.get(f"{name}_restored")
        if before is not None and after is not None:
            facts.append(f"{title} {before:.{digits}f} → {after:.{digits}f}")
    if case.get("structural_change") is not None:
        facts.append(f"structural change {case['structural_change']:.3f}")
    return ", ".join(facts)


def view_names(case: dict[str, Any]) -> list[tuple[str, str]]:
    """Key and title of a case's images in the order in which they are read."""
    passes = sorted((key for key in case["images"] if key.startswith("pass_")), key=lambda key: int(key[5:]))
    titles = _VIEWS | {key: f"Restored, pass {key[5:]}" for key in passes}
    order = ["poor", *passes, "reference", "difference", "structure"]
    return [(key, titles[key]) for key in order if key in case["images"]]


def prediction_of(case: dict[str, Any], view: str, classes: list[str]) -> str:
    """Class and probability that the model gives the image of a view; empty where it classified none."""
    index = 0 if view == "poor" else int(view[5:]) if view.startswith("pass_") else None
    if index is None or index >= len(case["probabilities"]):
        return ""
    probabilities = case["probabilities"][index]
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    return f"{classes[best]} {probabilities[best]:.2f}"


def render_cases(run: RunContents) -> str:
    """HTML of the cases: a row of thumbnails, and for each case a slider between poor and restored."""
    cases, classes = run.cases.get("cases", []), run.cases.get("classes", [])
    folder = run.folder / "cases"
    picker, articles = [], []
    for number, case in enumerate(cases):
        poor, name = _data_uri(folder / case["images"]["poor"]), escape(case_name(case))
        picker.append(
            f'<button type="button" aria-label="Case {number + 1}, {name}"><img src="{poor}" alt="">'
            f"<span>{number + 1}</span></button>"
        )
        articles.append(_article(number, len(cases), case, classes, folder))
    about = (
        f"<p>Best and worst are ranked by the change of {escape(run.cases['gain'])}. Drag over the image, or move the "
        "slider with the arrow keys; click a small image to compare the poor one with it. Under each image stands the "
        "class that the model gives it. The magnifier shows both in their own pixels, which whole images on a page do "
        "not.</p>"
    )
    return f'{about}<div class="picker" role="group" aria-label="Cases">{"".join(picker)}</div>{"".join(articles)}'


def _article(number: int, count: int, case: dict[str, Any], classes: list[str], folder: Path) -> str:
    name, figures = escape(case_name(case)), []
    for view, title in view_names(case):
        caption = prediction_of(case, view, classes) or _ABOUT.get(view, "")
        figures.append(
            f'<figure><button type="button" data-view="{view}" data-name="{title}"{_full(case, view, folder)} '
            'aria-pressed="false">'
            f'<img src="{_data_uri(folder / case["images"][view])}" alt="{title}, {name}">'
            f"<figcaption>{title}<small>{escape(caption)}</small></figcaption></button></figure>"
        )
    tags = [f'<span class="tag">{escape(reason)}</span>' for reason in case["reasons"]]
    if case.get("label") is not None:
        wrong = case["label"] != case["class"]
        tags.insert(0, f'<span class="tag{" alert" if wrong else ""}">true class {escape(case["label"])}</span>')
    if case.get("structure_flagged"):
        tags.append('<span class="tag alert">structure changed more than in good images</span>')
    return (
        f'<article class="case card" id="case-{number + 1}"><h3>Case {number + 1} of {count}: {name}</h3>'
        f'<div class="tags">{"".join(tags)}</div><div class="layout"><div class="compare">'
        f'<div class="stage"><img class="under" alt="Poor, {name}"><img class="over" alt="">'
        '<div class="bar"></div><span class="label left">Poor</span><span class="label right"></span></div>'
        '<input type="range" min="0" max="100" value="50" '
        f'aria-label="How much of the poor image is shown, case {number + 1}">'
        '<div class="moves"><button type="button" class="previous">Previous</button>'
        '<button type="button" class="next">Next</button>'
        '<button type="button" class="swap">Poor / restored</button>'
        f'<button type="button" class="magnify" aria-expanded="false" aria-controls="lens-{number + 1}">Magnifier 1:1'
        "</button></div>"
        f"{_lens(number + 1, case)}"
        f'<p class="facts">{escape(case_facts(case))}</p></div>'
        f'<div class="strip">{"".join(figures)}</div></div></article>'
    )


def _full(case: dict[str, Any], view: str, folder: Path) -> str:
    """Where the picture of a view in the image's own pixels is, as seen from the page; nothing where there is none."""
    name = case.get("full", {}).get(view)
    return f' data-full="{escape(f"{folder.name}/{name}")}"' if name and (folder / name).is_file() else ""


def _lens(number: int, case: dict[str, Any]) -> str:
    """A closed magnifier: the same place of the poor image and of the chosen one, pixel for pixel."""
    rows, columns = case.get("size") or (0, 0)
    panes = "".join(
        f'<figure><div class="pane {kind}" role="img"></div><figcaption></figcaption></figure>'
        for kind in ("before", "after")
    )
    return (
        f'<div class="lens" id="lens-{number}" data-rows="{rows}" data-columns="{columns}" tabindex="0" role="group" '
        f'aria-label="Magnifier of case {number}: arrow keys move it, with Shift farther" hidden>'
        f'<div class="panes">{panes}</div><p class="place" role="status"></p></div>'
    )


def _data_uri(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"

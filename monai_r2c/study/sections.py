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
from collections.abc import Callable

from .crossed import CONFIDENCE
from .diagnosis import FIGURES, CaseChange, Diagnosis
from .document import Drawing, Grid, Heading, Lines, Part, Text
from .drawing import forest
from .preference import Preference
from .questions import RATINGS
from .ratings import RatingChange

SHOWN_CASES = 12
_LEVEL = f"{CONFIDENCE:.0%}"


def preference_section(found: list[Preference]) -> list[Part]:
    """Shares with intervals, ties, order effects and agreement."""
    parts: list[Part] = [
        Text(
            f"Share of the answers, ties half, as a mean over readers and cases; in brackets the {_LEVEL} interval for "
            "other readers and other cases (crossed random effects, Cochran and Cox's critical value, Wilson's "
            "limits). The p value is that of no preference."
        )
    ]
    for one in found:
        name = f"{one.second} preferred to {one.first}"
        rows = [("all readers", one.share), *one.readers.items()]
        low, high = one.bootstrap
        parts += [
            Heading(name),
            Drawing(forest(name, rows, 0.5, (0.0, 1.0))),
            Grid(
                (
                    ["", "Result"],
                    [
                        ["Share, ties half", f"{one.share.text()}, p {one.share.p_text()}{_about(one.share.about)}"],
                        ["The same, readers and cases resampled", f"[{low:.3f}, {high:.3f}]"],
                        ["Share of answers that are no tie", _number(one.decided)],
                        [
                            "Answers",
                            f"{one.counts['second']} {one.second}, {one.counts['tie']} tie, "
                            f"{one.counts['first']} {one.first}",
                        ],
                        ["Order effect: share of the left image", f"{one.left.text()}, p {one.left.p_text()}"],
                        ["Order effect: later less earlier screens", f"{one.later.text()}{_about(one.later.about)}"],
                        ["Agreement between readers (Fleiss' kappa)", f"{one.kappa.text()}{_about(one.kappa.about)}"],
                        ["Agreement of pairs of readers (mean Cohen's kappa)", _number(one.cohen)],
                        [
                            "Agreement within readers (Cohen's kappa)",
                            f"{one.self_kappa.text()}{_about(one.self_kappa.about)}",
                        ],
                        ["Repeated screens answered alike", f"{_number(one.self_same[0])} of {one.self_same[1]}"],
                    ],
                )
            ),
            Text("By reader; each interval is over cases and holds for that reader alone."),
            Grid((["Reader", "Share"], [[reader, estimate.text()] for reader, estimate in one.readers.items()])),
        ]
    return parts


def rating_section(found: list[RatingChange]) -> list[Part]:
    """Paired differences of each rating."""
    parts: list[Part] = [
        Text(
            f"From 1 to 5, 5 is best. Differences are paired by reader and case; in brackets the {_LEVEL} interval for "
            "other readers and cases. p values are Holm's over the five questions."
        )
    ]
    for first, second in dict.fromkeys((one.first, one.second) for one in found):
        own = [one for one in found if (one.first, one.second) == (first, second)]
        rows = [
            [
                RATINGS[one.question][0],
                f"{one.means[0]:.2f}",
                f"{one.means[1]:.2f}",
                one.difference.text(2),
                one.difference.p_text(),
                f"{one.better:.0%} / {one.same:.0%} / {one.worse:.0%}",
                _number(one.cohen),
                one.self_kappa.text(2),
            ]
            for one in own
        ]
        header = ["Rating", first, second, "Difference", "p", "Better / same / worse", "Kappa between", "Kappa within"]
        drawn = [(RATINGS[one.question][0], one.difference) for one in own]
        parts += [
            Heading(f"{second} less {first}"),
            Drawing(forest(f"difference in rating, {second} less {first}", drawn, 0.0)),
            Grid((header, rows)),
        ]
    parts.append(Text("Kappa with quadratic weights: mean over pairs of readers, and on repeated screens."))
    return parts


def diagnosis_section(found: list[Diagnosis], draw: Callable[[CaseChange, Diagnosis], Part]) -> list[Part]:
    """Figures by method, the multi-reader multi-case test, findings lost, and the cases behind them.

    Args:
        found: the comparisons.
        draw: shows a case; the first of each list are shown, see `SHOWN_CASES`.
    """
    parts: list[Part] = []
    for one in found:
        positive, negative = one.cases
        parts += [
            Heading(f"{one.second} less {one.first}"),
            Text(
                f"{len(one.readers)} readers, {positive} cases of {one.positive} and {negative} others, each read on "
                f"both images. AUC is from class and confidence; in brackets the {_LEVEL} interval by the method of "
                "Obuchowski and Rockette, covariances from the jackknife, Hillis's degrees of freedom."
            ),
        ]
        rows, drawn = [], []
        for key, title in FIGURES.items():
            comparison = one.figures[key]
            rows.append(
                [
                    title,
                    comparison.methods[0].text(),
                    comparison.methods[1].text(),
                    f"{comparison.random.text()}{_about(comparison.random.about)}",
                    comparison.random.p_text(),
                    comparison.fixed.text(),
                    comparison.fixed.p_text(),
                ]
            )
            drawn.append((title, comparison.cautious))
        header = ["Figure", one.first, one.second, "Difference, other readers", "p", "Difference, these readers", "p"]
        parts += [Drawing(forest(f"difference, {one.second} less {one.first}", drawn, 0.0)), Grid((header, rows))]
        names = [f"{title}, {name}" for title in FIGURES.values() for name in (one.first, one.second)]
        by_reader = [
            [reader, *(f"{one.by_reader[key][method, i]:.3f}" for key in FIGURES for method in (0, 1))]
            for i, reader in enumerate(one.readers)
        ]
        parts += [Heading("By reader"), Grid((["Reader", *names], by_reader))]
        parts += [Heading("Findings lost and invented"), Lines(_safety(one))]
        for title, changes in (("hid", one.hidden_cases), ("invented", one.invented_cases)):
            parts.append(Heading(f"Cases where {one.second} {title} a finding"))
            parts.append(Grid(_case_table(changes, one)) if changes else Text("None."))
            parts += [draw(change, one) for change in changes[:SHOWN_CASES]]
        parts += [
            Heading("Agreement"),
            Lines(
                [
                    f"between readers, {one.first} (Fleiss' kappa of the class): {one.kappa[0].text()}",
                    f"between readers, {one.second}: {one.kappa[1].text()}",
                    "within readers, repeated screens (Cohen's kappa): "
                    f"{one.self_kappa.text()}{_about(one.self_kappa.about)}",
                ]
            ),
        ]
    return parts


def _safety(one: Diagnosis) -> list[str]:
    judged = {
        True: f"not inferior: the lower limit lies above -{one.margin:g}",
        False: f"non-inferiority is not shown: the lower limit does not lie above -{one.margin:g}",
        None: "non-inferiority cannot be judged: no reader's answers differ, or there is one reader without spread",
    }[one.non_inferior]
    estimate = one.figures["sensitivity"].cautious
    return [
        f"sensitivity of {one.second} less {one.first}: {estimate.text()}; {judged}",
        f"findings seen on {one.first} only (lost): {one.lost}; on {one.second} only (gained): {one.gained}",
        f"negative cases called {one.positive} on {one.second} only (invented): {one.invented}; on {one.first} only "
        f"(cleared): {one.cleared}",
    ]


def _case_table(changes: list[CaseChange], one: Diagnosis) -> tuple[list[str], list[list[str]]]:
    rows = []
    for change in changes:
        marks = "; ".join(
            f"{reader}: {_places(before)} → {_places(after)}" for reader, (before, after) in change.marks.items()
        )
        rows.append([change.name, change.label, ", ".join(change.readers), ", ".join(change.others) or "none", marks])
    header = [
        "Case",
        "True class",
        "Right to wrong",
        "Wrong to right",
        f"Marks, {one.first} → {one.second} (column, row)",
    ]
    return header, rows


def _places(marks: list[list[float]]) -> str:
    return ", ".join(f"({x:.0f}, {y:.0f})" for x, y in marks) or "none"


def _about(text: str) -> str:
    return f" ({text})" if text else ""


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"

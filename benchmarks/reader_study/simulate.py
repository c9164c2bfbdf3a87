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

"""Simulated readers: do the intervals of `study analyse` hold what they promise?

Simulation, not measurement: readers with a known preference, rating habit and diagnostic skill, readers and cases being
drawn anew in every study. For each setting, over 500 studies: how often the 95 % interval covers the truth, how often
an effect is found, and how wide the interval is. The truth is computed from the normal distribution, never estimated.
Last, guesses at the restored image from what the page shows beside the images themselves.

    python benchmarks/reader_study/simulate.py [--studies 500] [--out benchmarks/reader_study/coverage.json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm, t
from statsmodels.stats.proportion import proportion_confint

from monai_r2c.study.crossed import bootstrap_mean, crossed_mean, crossed_share, crossed_spread
from monai_r2c.study.design import DIAGNOSIS, ORDINARY, PREFERENCE, RATING, Design
from monai_r2c.study.estimate import Estimate
from monai_r2c.study.figures_of_merit import auc, share
from monai_r2c.study.obuchowski_rockette import compare
from monai_r2c.study.power import AUCPlan, PreferencePlan

CONDITIONS = ("poor", "restored")
TIE, CUTS = 0.3, np.array([-1.2, -0.4, 0.4, 1.2])
CONFIDENCE = np.linspace(-1.6, 2.6, 9)


def sides(readers: int, cases: int, seed: int) -> np.ndarray:
    """1 where a design shows the restored image on the left, else -1: ``(readers, cases)``."""
    design = Design(readers, CONDITIONS, (PREFERENCE,), 0, 0, seed=seed, labels=(None,) * cases)
    found = np.zeros((readers, cases))
    for reader in range(readers):
        for trial in design.sittings(reader)[0].trials:
            found[reader, trial.case] = 1 if trial.shown[0] == "restored" else -1
    return found


def hillis(values: np.ndarray, null: float) -> Estimate:
    """The interval that was not taken: Student's t with Hillis's degrees of freedom."""
    spread = crossed_spread(values)
    assert spread is not None
    freedom = spread.variance**2 / (max(spread.readers, 1e-12) ** 2 / spread.reader_freedom)
    freedom, error = min(freedom, spread.case_freedom), np.sqrt(max(spread.variance, 1e-12))
    mean, half = float(values.mean()), t.isf(0.025, freedom) * error
    return Estimate(mean, mean - half, mean + half, float(2 * t.sf(abs(mean - null) / error, freedom)))


def preference(
    setting: dict[str, float], generator: np.random.Generator, study: int
) -> Iterator[tuple[str, Any, float]]:
    readers, cases, effect, bias = (setting[name] for name in ("readers", "cases", "effect", "side_bias"))
    readers, cases = int(readers), int(cases)
    left = sides(readers, cases, study)
    seen = effect + setting["reader_sd"] * generator.normal(size=(readers, 1))
    seen = (
        seen + setting["case_sd"] * generator.normal(size=cases) + generator.normal(size=(readers, cases)) + bias * left
    )
    values = np.where(seen > TIE, 1.0, np.where(seen < -TIE, 0.0, 0.5))
    spread = np.sqrt(setting["reader_sd"] ** 2 + setting["case_sd"] ** 2 + 1)
    both = np.array([effect + bias, effect - bias])
    truth = float(np.mean(0.5 * (norm.sf((TIE - both) / spread) + norm.sf((-TIE - both) / spread))))
    yield "share", crossed_share(values), truth
    low, high = bootstrap_mean(values, 500, study)
    yield "share, bootstrap", Estimate(float(values.mean()), low, high, 0.0 if low > 0.5 or high < 0.5 else 1.0), truth
    yield "share, Hillis", hillis(values, 0.5), truth
    chosen_left = np.where(left > 0, values, 1 - values)
    toward = float(
        np.mean(
            [0.5 * (norm.sf((TIE - m) / spread) + norm.sf((-TIE - m) / spread)) for m in (bias + effect, bias - effect)]
        )
    )
    yield "left share", crossed_share(chosen_left), toward


def rating(setting: dict[str, float], generator: np.random.Generator, study: int) -> Iterator[tuple[str, Any, float]]:
    readers, cases = int(setting["readers"]), int(setting["cases"])
    base = setting["reader_sd"] * generator.normal(size=(readers, 1)) + setting["case_sd"] * generator.normal(
        size=cases
    )
    given = []
    for effect in (0.0, setting["effect"]):
        own = 0.3 * generator.normal(size=(readers, 1)) + 0.3 * generator.normal(size=cases)
        seen = base + own + effect + 0.7 * generator.normal(size=(readers, cases))
        given.append((seen[..., None] > CUTS).sum(-1) + 1.0)
    spread = np.sqrt(setting["reader_sd"] ** 2 + setting["case_sd"] ** 2 + 0.09 + 0.09 + 0.49)
    truth = float((norm.sf((CUTS - setting["effect"]) / spread) - norm.sf(CUTS / spread)).sum())
    yield "difference", crossed_mean(given[1] - given[0]), truth
    yield "difference, Hillis", hillis(given[1] - given[0], 0.0), truth


def diagnosis(
    setting: dict[str, float], generator: np.random.Generator, study: int
) -> Iterator[tuple[str, Any, float]]:
    """Readers of the model of C. A. Roe and C. E. Metz, Academic Radiology 4 (1997) 298-303, on ten steps."""
    readers, cases = int(setting["readers"]), int(setting["cases"])
    positive = np.arange(cases) < cases // 2
    sd = {"R": setting["reader_sd"], "TR": setting["reader_sd"] / 2, "C": 0.55, "TC": 0.45, "RC": 0.45, "E": 0.45}
    scores = np.empty((2, readers, cases))
    separation = np.array([1.5, 1.5 + setting["effect"]])
    for truth in (True, False):
        k = positive == truth
        n = int(k.sum())
        draw = {
            "R": generator.normal(size=(1, readers, 1)),
            "TR": generator.normal(size=(2, readers, 1)),
            "C": generator.normal(size=(1, 1, n)),
            "TC": generator.normal(size=(2, 1, n)),
            "RC": generator.normal(size=(1, readers, n)),
            "E": generator.normal(size=(2, readers, n)),
        }
        latent = sum(sd[name] * value for name, value in draw.items())
        scores[:, :, k] = latent + (separation[:, None, None] if truth else 0.0)
    steps = (scores[..., None] > CONFIDENCE).sum(-1)
    spread = np.sqrt(sum(value**2 for value in sd.values()))
    upper = np.append(norm.cdf(CONFIDENCE / spread), 1.0)
    negatives = np.diff(upper, prepend=0.0)
    areas, found = [], []
    for mean in separation:
        edges = np.append(norm.cdf((CONFIDENCE - mean) / spread), 1.0)
        positives = np.diff(edges, prepend=0.0)
        areas.append(float(positives @ (upper - negatives / 2)))
        found.append(float(norm.sf((CONFIDENCE[4] - mean) / spread)))
    yield "AUC", compare(auc(steps.astype(float), positive)), areas[1] - areas[0]
    hits = (steps > 4)[..., positive].astype(float)
    yield "sensitivity", compare(share(hits)), found[1] - found[0]


Readers = Callable[[dict[str, float], np.random.Generator, int], Iterator[tuple[str, Any, float]]]


def settings() -> Iterator[tuple[str, Readers, dict[str, float]]]:
    for readers, cases in ((3, 60), (5, 60), (10, 100)):
        for effect in (0.0, 0.3, 0.8):
            shared = {"readers": readers, "cases": cases, "effect": effect, "reader_sd": 0.3, "case_sd": 0.6}
            yield "preference", preference, {**shared, "side_bias": 0.0}
        yield "preference, biased to the left", preference, {**shared, "effect": 0.0, "side_bias": 0.4}
        for effect in (0.0, 0.4):
            yield "rating", rating, {**shared, "effect": effect}
        for effect in (0.0, 0.6):
            yield "diagnosis", diagnosis, {**shared, "effect": effect, "reader_sd": 0.25}


def coverage(studies: int) -> list[dict[str, Any]]:
    rows = []
    for number, (name, readers, setting) in enumerate(settings()):
        generator = np.random.default_rng([2024, number])
        found: dict[str, list[tuple[Estimate, float]]] = {}
        for study in range(studies):
            for what, estimate, truth in readers(setting, generator, study):
                estimate = getattr(estimate, "random", estimate)  # of a comparison, for other readers
                found.setdefault(what, []).append((estimate, truth))
        for what, results in found.items():
            covered = np.mean([e.low <= truth <= e.high for e, truth in results])
            rows.append(
                {
                    "study": name,
                    "figure": what,
                    "readers": setting["readers"],
                    "cases": setting["cases"],
                    "truth": round(results[0][1], 4),
                    "mean": round(float(np.mean([e.value for e, _ in results])), 4),
                    "covered": round(float(covered), 4),
                    "found": round(float(np.mean([e.p < 0.05 for e, _ in results])), 4),
                    "half_width": round(float(np.mean([(e.high - e.low) / 2 for e, _ in results])), 4),
                }
            )
    return rows


def blinding(studies: int) -> list[dict[str, Any]]:
    """Shares of right guesses at the restored one of two images by rules that use no pixel."""
    from monai_r2c.study.cases import StudyCase, StudyCases
    from monai_r2c.study.make import Blinding

    tasks = (PREFERENCE, RATING, DIAGNOSIS)
    anything = Path(__file__)  # no pixel is looked at
    cases = tuple(StudyCase(str(i), dict.fromkeys(CONDITIONS, anything), ("a", "b")[i % 2]) for i in range(20))
    labels = tuple(case.label for case in cases)
    right: dict[str, list[bool]] = {}
    for seed in range(studies):
        design = Design(1, CONDITIONS, tasks, seed=seed, labels=labels)
        blind = Blinding(StudyCases(cases, CONDITIONS, ("a", "b")), design)
        for plan in blind.schedule.values():
            first_seen: dict[str, int] = {}
            for sitting in plan["sittings"]:
                for trial in sitting["trials"]:
                    for name in trial["images"]:
                        first_seen.setdefault(name, len(first_seen))
            for trial in plan["sittings"][-1]["trials"]:
                meaning = blind.trials[trial["id"]]
                if meaning["kind"] == ORDINARY:
                    (left, other), restored = trial["images"], meaning["shown"].index("restored")
                    right.setdefault("left", []).append(restored == 0)
                    right.setdefault("name sorts first", []).append((left > other) == bool(restored))
                    right.setdefault("shown first", []).append((first_seen[left] > first_seen[other]) == bool(restored))
                    right.setdefault("even screen name", []).append(int(trial["id"], 16) % 2 == restored)
    rows = []
    for rule, hits in right.items():
        low, high = proportion_confint(sum(hits), len(hits))
        rows.append(
            {"rule": rule, "right": round(float(np.mean(hits)), 4), "low": round(low, 4), "high": round(high, 4)}
        )
    return rows


def planned(found: list[dict[str, Any]], studies: int) -> list[dict[str, Any]]:
    """Planned power against the share of simulated studies that find the effect."""
    rows = []
    for readers, cases in ((3, 60), (5, 60), (10, 100)):
        generator = np.random.default_rng([2025, readers])
        share_, spread, correlation = 0.65, 0.06, 0.2
        p_values = []
        for _ in range(studies):
            # answers of 0 and 1 whose latent parts give the assumed spread of readers and correlation of cases
            own = norm.ppf(np.clip(share_ + spread * generator.normal(size=(readers, 1)), 0.01, 0.99))
            part = 0.31  # of the latent variance, for a correlation of 0.2 between the answers
            latent = np.sqrt(part) * generator.normal(size=cases)
            latent = latent + np.sqrt(1 - part) * generator.normal(size=(readers, cases))
            p_values.append(crossed_share((latent < own).astype(float)).p)
        power = PreferencePlan(share_, spread, correlation).power(readers, cases)
        seen = float(np.mean(np.array(p_values) < 0.05))
        rows.append({"plan": f"preference {share_}", "readers": readers, "cases": cases, "planned": round(power, 3)})
        rows[-1]["found"] = round(seen, 3)
    for name, readers_of, setting in settings():
        if name == "diagnosis" and setting["effect"]:
            rows.append(_planned_area(readers_of, setting, found, min(studies, 200)))
    return rows


def _planned_area(
    readers_of: Readers, setting: dict[str, float], found: list[dict[str, Any]], studies: int
) -> dict[str, Any]:
    """A plan with the components that such readers have on average, against what the coverage table found."""
    parts, areas = [], []
    generator = np.random.default_rng([2026, int(setting["readers"])])
    for study in range(studies):
        for what, estimate, _ in readers_of(setting, generator, study):
            if what == "AUC":
                parts.append(estimate.components)
                areas.append(estimate.methods[0].value)
    mean = {name: float(np.mean([getattr(p, name) for p in parts])) for name in ("error", "cov1", "cov2", "cov3")}
    interaction = float(np.mean([p.interaction_variance for p in parts]))
    correlations = tuple(mean[name] / mean["error"] for name in ("cov1", "cov2", "cov3"))
    (row,) = [
        r
        for r in found
        if (r["figure"], r["readers"], r["cases"]) == ("AUC", setting["readers"], setting["cases"]) and r["truth"]
    ]
    plan = AUCPlan(float(np.mean(areas)), row["truth"], 0.5, max(interaction, 0.0) ** 0.5, correlations)  # type: ignore
    power = plan.power(int(setting["readers"]), int(setting["cases"]))
    return {
        "plan": f"AUC +{row['truth']:.3f}",
        "readers": setting["readers"],
        "cases": setting["cases"],
        "planned": round(power, 3),
        "found": row["found"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    start = time.perf_counter()
    covered = coverage(options.studies)
    result = {
        "studies": options.studies,
        "coverage": covered,
        "power": planned(covered, options.studies),
        "blinding": blinding(options.studies),
    }
    for name in ("coverage", "power", "blinding"):
        print(f"\n{name}, {options.studies} simulated studies\n\n{table(result[name])}")
    print(f"\n{time.perf_counter() - start:.0f} s")
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()

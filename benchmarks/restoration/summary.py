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
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monai_r2c.metrics import bootstrap_intervals

from .scores import SCORES, better

BASELINES = ("filter", "pairs")
JUDGED = ("class_preserved",)


@dataclass(frozen=True)
class Estimate:
    """A mean over images with its 95 % interval over patients."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """A method on a bed, over its seeds.

    Args:
        runs: its results, one a seed, without those that failed.
        failure: why there are none.
        scores: by name; each image's score is the mean over the seeds first.
        differences: to the baseline, image by image; empty for the baseline itself.
    """

    method: str
    title: str
    kind: str
    runs: Sequence[Mapping[str, Any]]
    failure: str
    scores: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]

    def mean(self, *path: str) -> float:
        """Mean over the seeds that have it of a number such as ``distances``, ``frechet``; NaN where none has."""
        values = [value for run in self.runs if not math.isnan(value := _find(run, path))]
        return float(np.mean(values)) if values else float("nan")


def of_one_judge(
    results: Iterable[Mapping[str, Any]], among: Iterable[Mapping[str, Any]] = ()
) -> list[Mapping[str, Any]]:
    """Leave what another judge said out: two judges' distances differ several times, so they do not compare.

    The judge that scored most of `among` (default: of the results) stays, told by its AUC on the originals.
    """
    results = list(results)
    among = list(among) or results
    judges = Counter(result["judge_auc"] for result in among if "error" not in result)
    return [
        result if "error" in result or result["judge_auc"] == judges.most_common(1)[0][0] else _without_judge(result)
        for result in results
    ]


def _without_judge(result: Mapping[str, Any]) -> dict[str, Any]:
    scores, validation = (
        {name: value for name, value in result[key].items() if name not in JUDGED} for key in ("scores", "validation")
    )
    return {**result, "scores": scores, "validation": validation, "distances": {}}


def best_baseline(results: Iterable[Mapping[str, Any]]) -> str:
    """The method, of those a user has without R2C and without true pairs, that is best on validation; "" if none is.

    The score is SSIM where there are references, else NIQE, as for all other choices.
    """
    validation: dict[str, list[float]] = {}
    key = "ssim"
    for result in results:
        if result["kind"] in BASELINES and "error" not in result:
            key = "ssim" if "ssim" in result["validation"] else "niqe"
            validation.setdefault(result["method"], []).append(result["validation"][key])
    best = ""
    for method, values in validation.items():
        if not best or better(key, float(np.mean(values)), float(np.mean(validation[best]))):
            best = method
    return best


def summarise(results: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows of one bed, one a method, with differences to the best baseline."""
    baseline = best_baseline(results)
    by_method: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        by_method.setdefault(result["method"], []).append(result)
    good = {name: [run for run in runs if "error" not in run] for name, runs in by_method.items()}
    against = _image_means(good[baseline]) if baseline else {}
    rows = []
    for name, runs in by_method.items():
        first = runs[0]
        failure = "" if good[name] else str(first["error"])
        values = _image_means(good[name]) if good[name] else {}
        differences = {key: values[key] - against[key] for key in against if key in values and name != baseline}
        patients = good[name][0]["patients"] if good[name] else []
        estimates = _estimate({**values, **{f"-{key}": value for key, value in differences.items()}}, patients)
        rows.append(
            Row(
                method=name,
                title=first["title"],
                kind=first["kind"],
                runs=good[name],
                failure=failure,
                scores={key: estimates[key] for key in values},
                differences={key: estimates[f"-{key}"] for key in differences},
            )
        )
    return rows


def common_seeds(runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> list[int]:
    """The seeds that both methods have a result of, in order."""
    return sorted({run["seed"] for run in runs} & {run["seed"] for run in others})


def difference(
    runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], names: Iterable[str] = SCORES
) -> dict[str, Estimate]:
    """By how much a method's scores are above another's, image by image, over the seeds that both have.

    Args:
        runs: results of the one on a bed, without those that failed.
        others: of the other on the same bed.
        names: the scores; those that the results lack are left out.
    """
    seeds = common_seeds(runs, others)
    ours, theirs = (_image_means([run for run in found if run["seed"] in seeds]) for found in (runs, others))
    values = {name: ours[name] - theirs[name] for name in names if name in ours and name in theirs}
    return _estimate(values, runs[0]["patients"])


def _image_means(runs: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    found = {name: [run["scores"][name] for run in runs if name in run["scores"]] for name in SCORES}
    return {name: np.mean(values, axis=0) for name, values in found.items() if values}


def _estimate(values: Mapping[str, np.ndarray], patients: Sequence[str]) -> dict[str, Estimate]:
    if not values:
        return {}
    numbers = {patient: number for number, patient in enumerate(sorted(set(patients)))}

    def means(indices: np.ndarray) -> dict[str, float]:
        return {name: _mean(value[indices]) for name, value in values.items()}

    intervals = bootstrap_intervals(means, [numbers[patient] for patient in patients])
    return {name: Estimate(_mean(value), *intervals[name]) for name, value in values.items()}


def _mean(values: np.ndarray) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _find(run: Mapping[str, Any], path: Sequence[str]) -> float:
    value: Any = run
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float("nan") if value is None else float(value)

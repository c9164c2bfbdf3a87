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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from monai_r2c.transforms import RandPoorQuality
from monai_r2c.utils import InputError
from monai_r2c.utils.extras import require

from .distance import distribution_distance
from .indicators import image_indicators

# limits of each severity's range; photons and gamma are searched in their logarithm
_LIMITS: Mapping[str, tuple[float, float]] = {
    "focal_sigma": (0.0, 3.0),
    "motion": (0.0, 6.0),
    "scatter_fraction": (0.0, 0.85),
    "stops": (-1.5, 1.5),
    "photons": (math.log(40.0), math.log(200000.0)),
    "gamma": (math.log(0.5), math.log(2.0)),
    "quality": (5.0, 95.0),
}
_LOGARITHMIC = ("photons", "gamma")
_PROBABILITIES = ("fault_prob", "compression_prob")
# where a fault is hardly seen, as a share of the way between its limits
_NEUTRAL: Mapping[str, float] = {
    "focal_sigma": 0.05,
    "motion": 0.05,
    "scatter_fraction": 0.05,
    "stops": 0.5,
    "photons": 0.9,
    "gamma": 0.5,
    "quality": 0.9,
}
_LEAST_IMAGES = 8
_SIMULATED = 600
_FIRST_STEP = 0.1


@dataclass(frozen=True)
class DegradationFit:
    """What a fit found.

    Args:
        severity: arguments of `RandPoorQuality`: a range for each fault, and the probabilities.
        distance_before: `distribution_distance` of good images as they are from the poor ones.
        distance_after: that of degraded good images that the search did not use for its choice.
        distance_poor: that of one half of the poor images from the other: what no fit can go below.
        indicators: ``(images, indicators)`` of the poor images, the good ones, and the degraded ones.
    """

    severity: dict[str, Any]
    distance_before: float
    distance_after: float
    distance_poor: float
    indicators: dict[str, np.ndarray]


def fit_degradation(
    poor: np.ndarray,
    good: np.ndarray,
    evaluations: int = 600,
    per_evaluation: int = 48,
    seed: int = 0,
    progress: Callable[[int, float], None] | None = None,
) -> DegradationFit:
    """Find the faults for which degraded good images are distributed as unpaired poor ones are.

    An evolution strategy (CMA-ES) moves the ranges of `RandPoorQuality`, tone curve and compression included, until
    the indicators of degraded good images (`image_indicators`) are distributed as those of the poor images
    (`distribution_distance`). Random draws are the same in every evaluation, so that the distance changes smoothly.

    Bodies, views and their numbers should be alike in both folders: what differs between them otherwise is taken for
    a fault too.

    Args:
        poor, good: ``(images, rows, columns)`` in [0, 1], black is air, of one size, a multiple of 8: that of
            training, since blur is in its pixels. At least 8 of each.
        evaluations: how many ranges are tried.
        per_evaluation: good images degraded for each of them.
        seed: of the search and of the draws.
        progress: called after each generation with the evaluations done and the best distance so far.

    Raises:
        InputError: when there are too few images or the package cma is missing.

    Source: N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772.
    """
    require("cma", "fit", "degradation fit")  # before the images are measured
    for name, images in (("poor", poor), ("good", good)):
        if len(images) < _LEAST_IMAGES:
            raise InputError(f"degradation fit: needs at least {_LEAST_IMAGES} {name} images, got {len(images)}.")
    chosen = np.random.default_rng(seed).permutation(len(good))
    searched = good[chosen[:per_evaluation]]
    wanted, unchanged = image_indicators(poor), image_indicators(good)
    scale = _spread(np.concatenate([wanted, unchanged]))

    def distance(vector: np.ndarray) -> float:
        degraded = degrade_all(searched, _severity(vector), seed)
        return distribution_distance(image_indicators(degraded), wanted, scale)

    guess, neutral = (
        _first_guess(wanted, good, seed),
        np.array([v for m in _NEUTRAL.values() for v in (m, 0.1)] + [0.5, 0.1]),
    )
    start = min((guess, neutral, (guess + neutral) / 2), key=distance)
    best = _evolve(distance, start, evaluations, seed, progress)
    severity = _rounded(_severity(best))
    # other images and other draws than the search has seen
    judged = good[chosen[per_evaluation:]] if len(good) >= 2 * per_evaluation else good
    degraded = image_indicators(degrade_all(judged, severity, seed + 1))
    return DegradationFit(
        severity=severity,
        distance_before=distribution_distance(unchanged, wanted, scale),
        distance_after=distribution_distance(degraded, wanted, scale),
        distance_poor=distribution_distance(wanted[::2], wanted[1::2], scale),
        indicators={"poor": wanted, "good": unchanged, "degraded": degraded},
    )


def degrade_all(images: np.ndarray, severity: Mapping[str, Any], seed: int) -> np.ndarray:
    """Degrade each image of ``(images, rows, columns)`` in [0, 1] with draws of its own that hang on `seed` alone."""
    blend = RandPoorQuality(**severity, prob=1.0)
    degraded = np.empty_like(images, dtype=np.float32)
    for index, image in enumerate(images):
        blend.set_random_state(seed=int(np.random.SeedSequence(seed, spawn_key=(index,)).generate_state(1)[0]))
        degraded[index] = blend(torch.from_numpy(image[None]).float())[0].numpy()
    return degraded


def _evolve(
    distance: Callable[[np.ndarray], float],
    start: np.ndarray,
    evaluations: int,
    seed: int,
    progress: Callable[[int, float], None] | None,
) -> np.ndarray:
    options = {"bounds": [0, 1], "seed": seed + 1, "maxfevals": evaluations, "verbose": -9, "tolfun": 1e-4}
    cma = require("cma", "fit", "degradation fit")
    search = cma.CMAEvolutionStrategy(start, _FIRST_STEP, options)
    while not search.stop():
        candidates = search.ask()
        search.tell(candidates, [distance(candidate) for candidate in candidates])
        if progress is not None:
            progress(search.result.evaluations, search.result.fbest)
    best: np.ndarray = search.result.xbest
    return best


def _first_guess(wanted: np.ndarray, good: np.ndarray, seed: int) -> np.ndarray:
    """Guess each severity by regression on the indicators, learned on good images with faults from the whole limits."""
    blend = RandPoorQuality(**_severity(np.array([0.5, 1.0] * len(_LIMITS) + [1.0, 1.0])), prob=1.0)
    drawn, measured = np.empty((_SIMULATED, len(_LIMITS))), []
    for index in range(_SIMULATED):
        blend.set_random_state(seed=int(np.random.SeedSequence(seed, spawn_key=(1, index)).generate_state(1)[0]))
        measured.append(blend(torch.from_numpy(good[index % len(good)][None]).float())[0].numpy())
        drawn[index] = _place_in_limits(blend)
    simulated = image_indicators(np.stack(measured))
    centre, spread = simulated.mean(axis=0), simulated.std(axis=0) + 1e-6

    def features(indicators: np.ndarray) -> np.ndarray:
        units = np.clip((indicators - centre) / spread, -3, 3)
        return np.concatenate([np.ones((len(units), 1)), units, units**2], axis=1)

    weights = np.linalg.lstsq(features(simulated), drawn, rcond=None)[0]
    learned, found = features(simulated) @ weights, features(wanted) @ weights
    # a regression shrinks towards the mean by its share of explained variance
    explained = np.clip(learned.var(axis=0) / drawn.var(axis=0), 0.2, 1.0)
    middle = drawn.mean(axis=0) + (found.mean(axis=0) - drawn.mean(axis=0)) / explained
    width = np.sqrt(12) * found.std(axis=0) / explained
    guess = np.stack([middle, width], axis=1).clip(0.05, 0.95).ravel()
    return np.append(guess, [0.9, 0.5])


def _place_in_limits(blend: RandPoorQuality) -> list[float]:
    """Where each severity that was drawn last lies between its limits, in [0, 1]."""
    places = []
    for name, (low, high) in _LIMITS.items():
        drawn = next(float(getattr(fault, name)) for fault in blend.faults if hasattr(fault, name))
        places.append(((math.log(drawn) if name in _LOGARITHMIC else drawn) - low) / (high - low))
    return places


def _severity(vector: np.ndarray) -> dict[str, Any]:
    """Arguments of `RandPoorQuality` for middle and width of each range, and the two probabilities."""
    severity: dict[str, Any] = {name: float(value) for name, value in zip(_PROBABILITIES, vector[-2:])}
    for number, (name, (lowest, highest)) in enumerate(_LIMITS.items()):
        middle, width = (float(v) for v in vector[2 * number : 2 * number + 2])
        ends = (max(0.0, middle - width / 2), min(1.0, middle + width / 2))
        limits = [lowest + end * (highest - lowest) for end in ends]
        severity[name] = [math.exp(limit) for limit in limits] if name in _LOGARITHMIC else limits
    return severity


def _rounded(severity: Mapping[str, Any]) -> dict[str, Any]:
    def short(value: float) -> float:
        return float(f"{value:.3g}")

    return {
        name: [short(v) for v in value] if isinstance(value, list) else short(value) for name, value in severity.items()
    }


def _spread(indicators: np.ndarray) -> np.ndarray:
    low, high = np.percentile(indicators, (16, 84), axis=0)
    spread = (high - low) / 2
    # an indicator that is the same in nearly all images still counts in its own deviation
    return np.where(spread > 1e-3, spread, np.maximum(indicators.std(axis=0), 1e-3))

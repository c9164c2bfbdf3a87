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

import numpy as np
import pytest

from monai_r2c.metrics import Score, bootstrap_intervals
from monai_r2c.metrics.bootstrap import group_numbers, ungroup


def test_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = bootstrap_intervals(lambda i: {"mean": values[i].mean()}, range(400), resamples=2000)["mean"]
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)


def test_images_of_one_patient_are_drawn_together() -> None:
    # ten equal images of each of twenty patients carry no more than twenty values
    patients = np.repeat(np.arange(20), 10)
    values = np.repeat(np.random.default_rng(1).normal(size=20), 10)

    def width(groups: np.ndarray) -> float:
        low, high = bootstrap_intervals(lambda i: {"mean": values[i].mean()}, groups)["mean"]
        return high - low

    assert width(patients) == pytest.approx(math.sqrt(10) * width(np.arange(200)), rel=0.15)


def test_same_seed_same_interval_another_seed_another() -> None:
    values = np.random.default_rng(2).normal(size=50)
    first, again, other = (
        bootstrap_intervals(lambda i: {"mean": values[i].mean()}, range(50), resamples=100, seed=seed)
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_undefined_resamples_are_left_out_until_they_are_most() -> None:
    rare = {4: np.array([1.0, 0, 0, 0]), 2: np.array([1.0, 1, 0, 0])}
    for images, positives in rare.items():

        def sensitivity(i: np.ndarray, positives: np.ndarray = positives) -> dict[str, float]:
            return {"sensitivity": 0.5 if positives[i].any() else math.nan}

        low, high = bootstrap_intervals(sensitivity, range(4))["sensitivity"]
        assert low == high == 0.5, images
    low, high = bootstrap_intervals(lambda i: {"never": math.nan}, range(4))["never"]
    assert math.isnan(low)
    assert math.isnan(high)


def test_patients_become_equal_numbers_and_unknown_ones_stay_apart() -> None:
    numbers = group_numbers(["p1", "p2", "p1", None, None], 5)
    assert numbers[0] == numbers[2] != numbers[1]
    assert len(set(ungroup(numbers))) == 4


def test_score_is_a_float_that_carries_its_interval() -> None:
    score = Score(0.5, 0.25, 0.75)
    assert score == 0.5
    assert isinstance(score, float)
    assert (score.low, score.high, score.reason) == (0.25, 0.75, "")

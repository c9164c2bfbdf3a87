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
import torch

from monai_r2c.metrics import ClassificationMetric, ClassPreservationMetric
from monai_r2c.metrics.intervals import auc_interval, effective_count, mean_interval, ratio_interval, wilson_interval


def _interval(values: list[float], groups: list[int] | None = None) -> tuple[float, float]:
    shares = np.array(values, dtype=float)
    return ratio_interval(shares, np.ones(len(shares)), list(range(len(shares))) if groups is None else groups)


def test_three_of_three_is_wilsons_interval_and_not_certainty() -> None:
    low, high = _interval([1, 1, 1])
    assert low == pytest.approx(3 / (3 + 1.959964**2))  # 0.44
    assert high == pytest.approx(1)


@pytest.mark.parametrize(("right", "count", "low", "high"), [(15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)])
def test_intervals_of_newcombes_table(right: int, count: int, low: float, high: float) -> None:
    """Values of the Wilson score method without continuity correction in R. Newcombe, Stat Med 17 (1998) 857-872."""
    assert _interval([1] * right + [0] * (count - right)) == pytest.approx((low, high), abs=2e-4)


def test_ten_equal_images_of_each_patient_are_worth_one() -> None:
    of_images = _interval([1] * 5)
    assert _interval([1] * 50, [i // 10 for i in range(50)])[0] < of_images[0]  # Student's quantile for five patients
    mixed = [1] * 20 + [0] * 20
    low, high = _interval(mixed, [i // 10 for i in range(40)])
    independent = _interval(mixed)
    assert high - low > 2.5 * (independent[1] - independent[0])


def test_images_that_do_not_count_change_nothing() -> None:
    counted = ratio_interval(np.array([1.0, 0, 1, 0]), np.array([1.0, 1, 1, 0]), [0, 1, 2, 3])
    assert counted == _interval([1, 0, 1])
    assert all(map(math.isnan, ratio_interval(np.zeros(2), np.zeros(2), [0, 1])))


def test_area_of_separated_classes_keeps_a_width_that_shrinks_with_their_number() -> None:
    lows = [auc_interval(1.0, n, n) for n in (5, 20, 200)]
    assert [high for _, high in lows] == [1, 1, 1]
    assert 0.5 < lows[0][0] < lows[1][0] < lows[2][0] < 1
    low, high = auc_interval(0.8, 30, 40)
    assert auc_interval(0.2, 40, 30) == pytest.approx((1 - high, 1 - low))
    # for many images it is the normal interval with the variance of Hanley and McNeil
    assert sum(auc_interval(0.8, 4000, 4000)) / 2 == pytest.approx(0.8, abs=1e-3)


def test_effective_count_by_hand() -> None:
    assert effective_count(np.array([1.0, 1, 1, 1])) == 4
    assert effective_count(np.array([3.0, 1])) == pytest.approx(1.6)


def test_mean_interval_by_hand() -> None:
    # patients' means 1, 2 and 3: standard error 1 / sqrt(3), Student's quantile of two degrees of freedom 4.302653
    mean, low, high = mean_interval(np.array([0.0, 2, 2, 3]), ["a", "a", "b", "c"])
    assert mean == 2
    assert high - low == pytest.approx(2 * 4.302653 / math.sqrt(3), rel=1e-6)


def test_perfect_classification_of_few_images_does_not_look_certain() -> None:
    metric = ClassificationMetric()
    labels = torch.tensor([0, 0, 0] + [1] * 7)
    metric(torch.nn.functional.one_hot(labels, 2).float(), labels)
    scores = metric.aggregate()
    assert (scores["specificity"].images, scores["sensitivity"].images, scores["auc"].images) == (3, 7, 10)
    assert scores["specificity"].low == pytest.approx(wilson_interval(1, 3)[0])
    for name in ("accuracy", "sensitivity", "precision", "f1", "f2", "auc", "average_precision"):
        assert scores[name] == 1
        assert scores[name].low < 0.8, name
    assert math.isnan(scores["calibration_error"].low)  # no resample differs: no interval


def test_f1_interval_holds_the_score_and_patients_are_counted() -> None:
    metric = ClassificationMetric()
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]] * 5)
    metric(probabilities, torch.tensor([0, 1, 1, 0] * 5), groups=[f"p{i // 4}" for i in range(20)])
    scores = metric.aggregate()
    assert scores["f1"].low < scores["f1"] == 0.5 < scores["f1"].high
    assert (scores["f1"].images, scores["f1"].patients) == (15, 5)
    assert scores["accuracy"].is_of_too_few


def test_share_of_preserved_classes_has_wilsons_interval() -> None:
    metric = ClassPreservationMetric()
    logits = torch.tensor([[1.0, 0.0]] * 12)
    metric(logits, logits)
    score = metric.aggregate()["class_preserved"]
    assert (score, score.images) == (1, 12)
    assert score.low == pytest.approx(wilson_interval(1, 12)[0])

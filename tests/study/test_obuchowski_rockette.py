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

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from van_dyke import van_dyke

from monai_r2c.study.figures_of_merit import FigureOfMerit, auc, share
from monai_r2c.study.obuchowski_rockette import compare


def test_published_example_comes_out_as_the_reference_software_prints_it() -> None:
    """OR-DBM MRMC 2.51, trapezoidal area, jackknife, on the data of Van Dyke et al."""
    found = compare(auc(*van_dyke()))
    parts, difference = found.components, found.random
    assert found.methods[0].value == pytest.approx(0.89703704, abs=5e-9)
    assert found.methods[1].value == pytest.approx(0.94083736, abs=5e-9)
    assert (parts.treatment, parts.reader, parts.interaction) == pytest.approx(
        (0.00479617, 0.0038362, 0.00055103), abs=5e-9
    )
    assert (parts.error, parts.cov1, parts.cov2, parts.cov3) == pytest.approx(
        (0.00080229, 0.00034661, 0.00034407, 0.00023903), abs=6e-9
    )
    assert parts.reader_variance == pytest.approx(0.001535, abs=5e-9)
    assert parts.interaction_variance == pytest.approx(0.0002004, abs=6e-9)
    assert found.statistic == pytest.approx(4.46, abs=5e-3)
    assert found.freedom == pytest.approx(15.26, abs=5e-3)
    assert difference.p == pytest.approx(0.0517, abs=5e-5)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.0438, -0.00036, 0.08796), abs=5e-6)
    assert found.fixed.p == pytest.approx(0.0193, abs=5e-5)
    assert (found.fixed.low, found.fixed.high) == pytest.approx((0.00711, 0.08049), abs=5e-6)
    assert (found.methods[0].low, found.methods[0].high) == pytest.approx((0.8252236, 0.96885048), abs=5e-9)
    assert (found.methods[1].low, found.methods[1].high) == pytest.approx((0.89413783, 0.98753689), abs=5e-9)


def test_area_is_that_of_scikit_learn_and_the_jackknife_leaves_one_case_out() -> None:
    scores, positive = van_dyke()
    found = auc(scores, positive)
    assert found.values[1, 3] == pytest.approx(roc_auc_score(positive, scores[1, 3]))
    for case in (0, 80):
        kept = np.arange(114) != case
        assert found.without[case, 0, 2] == pytest.approx(roc_auc_score(positive[kept], scores[0, 2][kept]))


def test_jackknife_variance_of_a_share_is_that_of_a_mean() -> None:
    hits = np.array([[[1.0, 0.0, 1.0, 1.0]]])
    assert share(hits).covariance()[0, 0, 0, 0] == pytest.approx(np.var([1, 0, 1, 1], ddof=1) / 4)


def test_one_reader_has_an_interval_for_himself_alone() -> None:
    scores, positive = van_dyke()
    found = compare(auc(scores[:, :1], positive))
    assert np.isnan(found.random.p)
    # reader 1 of the published output: difference 0.02818, interval -0.02182 to 0.07818
    assert (found.fixed.value, found.fixed.low, found.fixed.high) == pytest.approx(
        (0.02818, -0.02182, 0.07818), abs=5e-6
    )


def test_wider_of_the_two_intervals_is_gone_by() -> None:
    found = compare(auc(*van_dyke()))
    assert found.cautious is found.random
    # two readers who gain alike, with errors that have nothing in common: columns of a Hadamard matrix
    errors = hadamard(8)[:, 1:5].reshape(8, 2, 2) * 0.01
    values = np.array([[0.8, 0.8], [0.9, 0.9]])
    alike = compare(FigureOfMerit(values, values + errors))
    assert np.isnan(alike.random.p)
    assert alike.cautious is alike.fixed
    # each error has variance 7 / 8 * 8 * 0.01 ** 2, the difference of two means of two has as much
    assert alike.fixed.high - 0.1 == pytest.approx(norm.isf(0.025) * np.sqrt(7e-4))


def test_readers_without_any_spread_give_no_test() -> None:
    same = FigureOfMerit(np.ones((2, 3)), np.ones((10, 2, 3)))
    found = compare(same)
    assert np.isnan(found.random.p)
    assert found.random.about

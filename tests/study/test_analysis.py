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
import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy import stats
from study_files import answer_files, ideal

from monai_r2c.apps.study import study as command
from monai_r2c.study.agreement import between_readers, cohen, pairwise, within_reader
from monai_r2c.study.analyse import analyse_answers, analyse_study
from monai_r2c.study.answers import load_answers
from monai_r2c.study.crossed import bootstrap_mean, crossed_mean, crossed_share
from monai_r2c.study.diagnosis import washout_faults
from monai_r2c.study.power import AUCPlan, PreferencePlan, cases_needed, hanley_mcneil
from monai_r2c.utils import InputError

pytest.importorskip("statsmodels")


def test_crossed_mean_has_the_variance_of_two_crossed_random_effects() -> None:
    values = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 3.0]])
    readers, cases = values.shape
    effects = values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()
    of_readers = cases * values.mean(1).var(ddof=1)
    of_cases = readers * values.mean(0).var(ddof=1)
    rest = (effects**2).sum() / ((readers - 1) * (cases - 1))
    found = crossed_mean(values)
    limit = (found.high - found.low) / 2
    error = math.sqrt((of_readers + of_cases - rest) / values.size)
    own, shared = of_readers / values.size, (of_cases - rest) / values.size
    critical = (own * stats.t.ppf(0.975, 1) + shared * stats.t.ppf(0.975, 2)) / (own + shared)
    assert limit == pytest.approx(critical * error)
    assert found.p == pytest.approx(crossed_mean(-values).p)
    at_limit = crossed_mean(values, found.low)
    assert at_limit.p == pytest.approx(0.05)


def test_share_of_one_reader_is_close_to_wilsons_interval_and_unanimity_has_limits() -> None:
    one = crossed_share(np.array([[1.0] * 30 + [0.0] * 10]))
    assert one.value == 0.75
    assert (one.low, one.high) == pytest.approx((0.598, 0.858), abs=0.01)
    assert one.about == "holds for this reader alone"
    all_alike = crossed_share(np.ones((3, 20)))
    assert all_alike.high == pytest.approx(1)
    assert 0.8 < all_alike.low < 0.9
    assert all_alike.p == pytest.approx(2 * 0.5**20)


def test_interval_and_test_of_a_share_agree_when_two_readers_hardly_differ() -> None:
    values = np.array([[1.0, 0.0] * 10, [1.0, 0.0] * 9 + [1.0, 1.0]])
    found, linear = crossed_share(values), crossed_mean(values, 0.5)
    assert (found.low, found.high) == pytest.approx((linear.low, linear.high), abs=0.06)


def test_bootstrap_varies_readers_and_cases() -> None:
    only_readers = np.repeat([[0.0], [1.0]], 50, 1)
    assert bootstrap_mean(only_readers) == (0.0, 1.0)


def test_kappas_of_known_tables() -> None:
    labels = np.array([[0, 0, 1, 1], [0, 1, 1, 1]])
    assert cohen(*labels) == pytest.approx(0.5)
    assert pairwise(labels) == pytest.approx(0.5)
    # Fleiss: agreement 3/4, by chance (3/8)^2 + (5/8)^2
    assert between_readers(labels).value == pytest.approx((0.75 - 34 / 64) / (1 - 34 / 64))
    assert within_reader([1, 2, 3, 4], [1, 2, 3, 4], "quadratic").value == 1
    assert math.isnan(between_readers(np.ones((3, 5))).value)


def test_ideal_readers_give_the_results_that_one_can_count(study: Path, key: dict, tmp_path: Path) -> None:
    preferences, changes, diagnoses, undone = analyse_answers(
        load_answers(study, answer_files(key, tmp_path, ideal(key)))
    )
    (one,) = preferences
    assert one.share.value == 1
    assert one.counts == {"first": 0, "tie": 0, "second": 16}
    assert one.left.value == 0.5
    assert one.self_same == (1.0, 4)
    assert [change.difference.value for change in changes] == [2.0] * 5
    assert [(c.better, c.same, c.worse) for c in changes] == [(1.0, 0.0, 0.0)] * 5
    (read,) = diagnoses
    assert all(comparison.random.value == 0 for comparison in read.figures.values())
    assert (read.lost, read.gained, read.invented, read.cleared) == (0, 0, 0, 0)
    assert read.non_inferior is None
    assert undone == []


def test_hidden_and_invented_findings_are_listed_with_their_marks(study: Path, key: dict, tmp_path: Path) -> None:
    healthy, ill = (next(i for i, c in enumerate(key["cases"]) if c["label"] == name) for name in ("healthy", "ill"))
    right = ideal(key)

    def answer(meaning: dict) -> dict:
        wrong = meaning["task"] == "diagnosis" and meaning["shown"] == ["restored"] and meaning["kind"] == "ordinary"
        if wrong and meaning["case"] == ill and meaning["reader"] == "R1":
            return {"class": "healthy", "confidence": 3}
        if wrong and meaning["case"] == healthy:
            return {"class": "ill", "confidence": 2, "marks": [[9, 8]]}
        return right(meaning)

    out = tmp_path / "out"
    analyse_study(study, answer_files(key, tmp_path, answer), out)
    (read,) = json.loads((out / "analysis.json").read_text())["diagnosis"]
    assert (read["lost"], read["gained"], read["invented"], read["cleared"]) == (1, 0, 2, 0)
    assert read["figures"]["sensitivity"]["random"]["value"] == pytest.approx(-1 / 8)
    assert read["figures"]["specificity"]["random"]["value"] == pytest.approx(-1 / 4)
    assert read["non_inferior"] is False
    (hidden,) = read["hidden_cases"]
    assert (hidden["name"], hidden["readers"]) == (key["cases"][ill]["name"], ["R1"])
    assert hidden["marks"] == {"R1": [[[3, 4]], []]}
    (invented,) = read["invented_cases"]
    assert invented["readers"] == ["R1", "R2"]
    for name in ("report.html", "report.md"):
        text = (out / name).read_text()
        assert "What cannot be concluded" in text
        assert "R1: (3, 4) → none" in text
    page = (out / "report.html").read_text()
    pictures = re.findall('data:image/png;base64,([^"]+)', page)
    assert len(pictures) == 4  # two cases, two images each
    marked = [
        np.ptp(np.asarray(Image.open(io.BytesIO(base64.b64decode(p))).convert("RGB")), axis=2).max() > 50
        for p in pictures
    ]
    assert marked == [True, False, False, True]


def test_answers_are_merged_the_later_counts_and_unfinished_readers_are_in_the_flow(
    study: Path, key: dict, tmp_path: Path
) -> None:
    first, second = answer_files(key, tmp_path, ideal(key))
    content = json.loads(second.read_text())
    own = [trial for trial in content["answers"] if key["trials"][trial]["task"] == "preference"]
    content["answers"] = {trial: content["answers"][trial] for trial in own[:3]}
    second.write_text(json.dumps(content))
    later = json.loads(first.read_text())
    trial = next(t for t, m in key["trials"].items() if m["reader"] == "R1" and m["task"] == "preference")
    later["answers"] = {trial: {**later["answers"][trial], "answer": {"choice": "tie"}, "at": "2027-01-01T00:00:00Z"}}
    (tmp_path / "later.json").write_text(json.dumps(later))
    answers = load_answers(study, [tmp_path / "later.json", first, second])
    assert answers.by_trial[trial].answer == {"choice": "tie"}
    assert answers.analysed("preference") == ["R1"]
    out = tmp_path / "out"
    result = CliRunner().invoke(command, ["analyse", str(study), str(first), str(second), "--out", str(out)])
    assert result.exit_code == 0, result.output
    report = (out / "report.md").read_text()
    assert "2 began (then left out: R2 did less than 80% of the screens)" in report
    assert "2 readers invited (then left out: 1 without an answer)" in report
    assert "nothing holds for other readers" in report


def test_washout_that_was_not_kept_is_told(study: Path, key: dict, tmp_path: Path) -> None:
    answers = load_answers(study, answer_files(key, tmp_path, ideal(key)))
    assert washout_faults(answers) == []
    longer = type(answers)({**key, "washout_days": 31}, answers.readings, 0, answers.by_trial)
    assert [fault.split(":")[0] for fault in washout_faults(longer)] == ["R1", "R2"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(study="x"), "holds no answers to this study"),
        (lambda c: c["answers"].update(unknown={}), "screen unknown: is none of reader R1"),
        (lambda c: next(iter(c["answers"].values()))["answer"].update(noise=9), "there is no question|must be one of"),
        (lambda c: next(iter(c["answers"].values())).update(seconds=-1), "seconds must be a number"),
        (lambda c: next(iter(c["answers"].values())).update(at="yesterday"), "at must be a time"),
    ],
)
def test_files_that_the_page_cannot_have_written_are_refused(
    study: Path, key: dict, tmp_path: Path, change, told
) -> None:
    file = answer_files(key, tmp_path, ideal(key))[0]
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=told) as caught:
        load_answers(study, [file])
    assert "\n" not in str(caught.value)


def test_more_readers_and_cases_have_more_power_and_a_plan_has_the_fewest_cases() -> None:
    plan = PreferencePlan(0.68)
    assert plan.power(5, 60) > plan.power(3, 60) > plan.power(3, 30)
    cases = cases_needed(plan, 5)
    assert plan.power(5, cases) >= 0.8 > plan.power(5, cases - 1)
    assert cases_needed(PreferencePlan(0.52, reader_sd=0.2), 3) is None
    area = AUCPlan(0.85, 0.06)
    assert area.power(5, cases_needed(area, 5)) >= 0.8
    assert cases_needed(area, 10) < cases_needed(area, 4)


def test_variance_of_an_area_is_that_of_hanley_and_mcneil() -> None:
    # Q1 = 0.9 / 1.1, Q2 = 1.62 / 1.9
    expected = (0.09 + 9 * (0.9 / 1.1 - 0.81) + 19 * (1.62 / 1.9 - 0.81)) / 200
    assert hanley_mcneil(0.9, 10, 20) == pytest.approx(expected)


def test_plan_command_prints_a_table_and_refuses_an_effect_of_nothing() -> None:
    result = CliRunner().invoke(command, ["plan", "--preference", "0.68", "--auc-difference", "0.05"])
    assert result.exit_code == 0, result.output
    assert result.output.count("readers  cases") == 2
    assert isinstance(CliRunner().invoke(command, ["plan", "--preference", "0.5"]).exception, InputError)
    assert isinstance(CliRunner().invoke(command, ["plan"]).exception, InputError)

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

from collections import Counter
from itertools import pairwise

import pytest

from monai_r2c.study.design import DIAGNOSIS, PREFERENCE, RATING, Design, latin_square
from monai_r2c.utils import InputError

LABELS = ("a", "b") * 6


def design(**changes) -> Design:
    settings = {"readers": 4, "conditions": ("poor", "restored"), "tasks": (PREFERENCE,), "labels": LABELS, **changes}
    return Design(**settings)


def ordinary(sitting) -> list:
    return [trial for trial in sitting.trials if trial.kind == "ordinary"]


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_latin_square_has_each_number_once_a_row_and_column_and_balanced_neighbours(size: int) -> None:
    rows = latin_square(size)
    assert all(sorted(row) == list(range(size)) for row in rows)
    for column in zip(*rows):
        assert set(Counter(column).values()) == {len(rows) // size}
    follows = Counter(pair for row in rows for pair in pairwise(row))
    assert len(set(follows.values())) == 1
    assert len(follows) == size * (size - 1)


def test_sides_are_balanced_within_a_reader_and_over_readers() -> None:
    made = design(repeats=0, catches=0)
    left = [{t.case: t.shown[0] for t in made.sittings(reader)[0].trials} for reader in range(4)]
    for own in left:
        assert Counter(own.values()) == {"poor": 6, "restored": 6}
    for case in range(12):
        assert Counter(own[case] for own in left) == {"poor": 2, "restored": 2}


def test_each_diagnosis_sitting_has_each_case_once_and_conditions_balanced_in_each_class() -> None:
    for reader in range(4):
        first, second = design(tasks=(DIAGNOSIS,)).sittings(reader)
        seen = [{t.case: t.shown for t in ordinary(s)} for s in (first, second)]
        assert all(len(one) == 12 for one in seen)
        assert all(seen[0][case] != seen[1][case] for case in range(12))
        for one in seen:
            assert Counter((LABELS[case], shown) for case, shown in one.items()) == {
                (label, (name,)): 3 for label in "ab" for name in ("poor", "restored")
            }


def test_tasks_come_in_the_order_that_keeps_later_ones_blind() -> None:
    made = design(tasks=(PREFERENCE, DIAGNOSIS, RATING))
    assert [sitting.task for sitting in made.sittings(0)] == [DIAGNOSIS, DIAGNOSIS, RATING, PREFERENCE]


def test_repeats_are_a_tenth_come_late_and_have_their_sides_changed() -> None:
    (sitting,) = design(labels=(None,) * 60).sittings(1)
    again = [(place, trial) for place, trial in enumerate(sitting.trials) if trial.kind == "repeat"]
    assert len(again) == 6
    for place, trial in again:
        first = sitting.trials[trial.repeats]
        assert (first.kind, first.case, first.shown) == ("ordinary", trial.case, trial.shown[::-1])
        assert place - trial.repeats >= 15


def test_catch_trials_show_one_image_twice_or_a_spoiled_one() -> None:
    (sitting,) = design(catches=0.2).sittings(0)
    for trial in sitting.trials:
        if trial.kind == "same":
            assert trial.shown[0] == trial.shown[1]
        elif trial.kind == "spoiled":
            assert sorted(trial.shown)[1] == sorted(trial.shown)[0] + ":spoiled"
    assert Counter(t.kind for t in sitting.trials if t.kind in ("same", "spoiled")) == {"same": 1, "spoiled": 1}


def test_the_seed_decides_everything() -> None:
    assert design().sittings(2) == design().sittings(2)
    assert design().sittings(2) != design(seed=1).sittings(2)


@pytest.mark.parametrize(
    ("changes", "told"), [({"readers": 0}, "--readers 0"), ({"repeats": 0.9}, "--repeats"), ({"tasks": ()}, "--task")]
)
def test_wrong_settings_are_refused_in_one_line(changes: dict, told: str) -> None:
    with pytest.raises(InputError, match=told):
        design(**changes)

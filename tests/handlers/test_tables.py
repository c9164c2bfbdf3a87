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

import csv
import io
from math import nan

from monai_r2c.handlers.tables import format_rows
from monai_r2c.handlers.tables.scores import ScoreRow, format_scores
from monai_r2c.metrics import Score
from monai_r2c.utils.files import csv_text


def test_rows_have_a_column_for_each_name_in_the_order_of_first_use() -> None:
    rows = [{"file": "a, b.png", "score": 0.123456789}, {"file": "c.png", "label": "x", "score": nan}]
    assert format_rows(rows, digits=3) == 'file,score,label\n"a, b.png",0.123,\nc.png,,x\n'
    assert format_rows([{"file": "=1+1.png"}]) == "file\n./=1+1.png\n"
    assert format_rows(rows, undefined="nan").splitlines()[1:] == ['"a, b.png",0.123456789,', "c.png,nan,x"]


def test_csv_gives_back_what_it_was_given_whatever_ends_a_line() -> None:
    rows = [["a\rb", "c\nd"], ["e\r\n", ' "f",'], ["", "\u2028"]]
    text = csv_text(rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows
    assert csv_text([["a", 1], ["b", 0.5]]) == "a,1\nb,0.5\n"


def test_scores_fit_the_terminal_that_they_are_shown_on() -> None:
    score = Score(0.9144, 0.861, 0.955, images=120, patients=60)
    rows = [ScoreRow(domain, name, score) for domain in ("good", "poor") for name in ("auc", "auc_restored", "niqe")]
    whole, narrow = format_scores(rows), format_scores(rows, 80)
    assert whole.count("ROC AUC") == 1
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.count("ROC AUC") == 2  # two tables of two columns
    for text in (whole, narrow):
        assert text.count("0.914 [0.861, 0.955] n=120 (60)") == 6

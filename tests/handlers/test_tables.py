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

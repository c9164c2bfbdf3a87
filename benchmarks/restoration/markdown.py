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
from collections.abc import Sequence

from .settings import HERE


def text_of(name: str) -> str:
    """A text of the page, from `texts`; "" where there is none."""
    path = HERE / "texts" / f"{name}.md"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def head(names: Sequence[str]) -> str:
    """Head and rule of a table, whose first column is of text."""
    return "| " + " | ".join(names) + " |\n| --- |" + " ---: |" * (len(names) - 1)


def number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:,.{decimals}f}"

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

from .cases import choose_cases, gain_name, restoration_gains
from .configuration import write_configuration
from .rows import format_rows
from .scores import (
    COUNTS,
    NOTICE,
    ScoreRow,
    collect_scores,
    format_count,
    format_score,
    score_columns,
    score_digits,
    score_order,
    write_scores,
)

__all__ = [
    "COUNTS",
    "NOTICE",
    "ScoreRow",
    "choose_cases",
    "collect_scores",
    "format_count",
    "format_rows",
    "format_score",
    "gain_name",
    "restoration_gains",
    "score_columns",
    "score_digits",
    "score_order",
    "write_configuration",
    "write_scores",
]

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


class Score(float):
    """A number with its interval, or NaN with the reason why it is undefined; everywhere else a plain float.

    Args:
        value: the score.
        low, high: limits of its confidence interval; NaN when it has none.
        reason: why the value is NaN; empty otherwise.

    Example:
        >>> score = Score(0.9, 0.8, 0.95)
        >>> score + 0.05, score.low, score.high
        (0.9500000000000001, 0.8, 0.95)
    """

    low: float
    high: float
    reason: str

    def __new__(cls, value: float, low: float = math.nan, high: float = math.nan, reason: str = "") -> Score:
        score = super().__new__(cls, value)
        score.low, score.high, score.reason = float(low), float(high), reason
        return score

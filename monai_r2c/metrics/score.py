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

# a score of fewer patients (images, where no patient is known) is not shown
LEAST_PATIENTS = 10


class Score(float):
    """A number with its interval, or NaN with the reason why it is undefined; everywhere else a plain float.

    Args:
        value: the score.
        low, high: limits of its confidence interval; NaN when it has none.
        reason: why the value is NaN; empty otherwise.
        images: how many images the score rests on; 0 when that is not known.
        patients: how many of them are independent: their patients, or images where no patient is known.

    Example:
        >>> score = Score(0.9, 0.8, 0.95)
        >>> score + 0.05, score.low, score.high
        (0.9500000000000001, 0.8, 0.95)
    """

    low: float
    high: float
    reason: str
    images: int
    patients: int

    def __new__(
        cls,
        value: float,
        low: float = math.nan,
        high: float = math.nan,
        reason: str = "",
        images: int = 0,
        patients: int = 0,
    ) -> Score:
        score = super().__new__(cls, value)
        score.low, score.high, score.reason = float(low), float(high), reason
        score.images, score.patients = images, patients
        return score

    @property
    def is_of_too_few(self) -> bool:
        """Whether the patients are known to be fewer than `LEAST_PATIENTS`."""
        return 0 < self.patients < LEAST_PATIENTS

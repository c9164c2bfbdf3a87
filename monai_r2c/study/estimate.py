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
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the test of no effect; what cannot be known is NaN.

    Args:
        value: the estimate.
        low, high: limits of the interval.
        p: two-sided p value of the hypothesis that is named where the estimate stands.
        readers, cases: that it comes from.
        about: one line, such as for whom it holds, or why it is undefined.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    readers: int = 0
    cases: int = 0
    about: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, undefined ones as None."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}

    def text(self, digits: int = 3) -> str:
        """The value with its interval in brackets."""
        if math.isnan(self.value):
            return "undefined"
        shown = f"{self.value:.{digits}f}"
        return shown if math.isnan(self.low) else f"{shown} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def p_text(self) -> str:
        """The p value as papers write it; empty where there is none."""
        return "" if math.isnan(self.p) else "< 0.001" if self.p < 0.001 else f"{self.p:.3f}"

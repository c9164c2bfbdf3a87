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

from typing import Any

from monai_r2c.utils.scalars import scalars


class StepOutput(dict[str, Any]):
    """Output of a training step by name; ``output[0]`` gives its numbers alone, as floats.

    That is what MONAI's ``StatsHandler``, ``TensorBoardStatsHandler`` and ``MLFlowHandler`` take of an engine's output
    by default, because the engines of MONAI give a list of items there.
    """

    def __missing__(self, key: Any) -> dict[str, float]:
        if key == 0:
            return {name: float(value) for name, value in scalars(self).items()}
        raise KeyError(key)

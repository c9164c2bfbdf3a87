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


def linear_decay(step: int, constant_steps: int, total_steps: int) -> float:
    """Factor on the learning rate: 1 for the first `constant_steps`, then linearly to 0 at `total_steps`.

    Args:
        step: number of steps done before this one, from 0.
        constant_steps: steps at the full rate; from `total_steps` on, the rate never falls.
        total_steps: steps of the whole run.

    Returns:
        A factor in [0, 1], never negative.
    """
    if step < constant_steps or constant_steps >= total_steps:
        return 1.0
    return max(0.0, (total_steps - step) / (total_steps - constant_steps))

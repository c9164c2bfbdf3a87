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

from collections.abc import Mapping
from typing import Any

import torch


def is_single_number(value: Any) -> bool:
    """Return whether a value is a number or a tensor without dimension."""
    return isinstance(value, (int, float)) or (isinstance(value, torch.Tensor) and value.ndim == 0)


def scalars(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of an engine's output that are numbers or tensors without dimension."""
    return {name: value for name, value in output.items() if is_single_number(value)}

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

from .operational import (
    OperationalConv1d,
    OperationalConv2d,
    OperationalConv3d,
    OperationalConvTranspose1d,
    OperationalConvTranspose2d,
    OperationalConvTranspose3d,
)
from .powers import expand_powers
from .same_padding import SameCrop, SamePad, tensorflow_padding

__all__ = [
    "OperationalConv1d",
    "OperationalConv2d",
    "OperationalConv3d",
    "OperationalConvTranspose1d",
    "OperationalConvTranspose2d",
    "OperationalConvTranspose3d",
    "SameCrop",
    "SamePad",
    "expand_powers",
    "tensorflow_padding",
]

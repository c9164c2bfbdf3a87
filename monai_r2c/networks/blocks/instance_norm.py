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

import torch.nn as nn

EPSILON = 1e-3


def instance_norm(channels: int) -> nn.GroupNorm:
    """Affine instance norm with the published epsilon of 1e-3, for any number of spatial dimensions.

    It is a group norm with one channel a group: the same function, and faster than torch's instance norm in
    channels_last on the CPU.
    """
    return nn.GroupNorm(channels, channels, eps=EPSILON)

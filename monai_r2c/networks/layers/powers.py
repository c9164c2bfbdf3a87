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

import torch


def expand_powers(x: torch.Tensor, order: int, groups: int = 1, channel_dim: int = 1) -> torch.Tensor:
    """Concatenate the powers ``x, x^2, ..., x^order`` along the channels, within each group of channels.

    Args:
        x: tensor with ``channels`` along `channel_dim`.
        order: highest power, at least 1.
        groups: number of groups of channels; every group is followed by the powers of its own channels.
        channel_dim: 1 for batched input, 0 for unbatched.

    Returns:
        Tensor with ``order * channels`` along `channel_dim`: group by group, and within a group power by power.
    """
    if order == 1:
        return x
    power = x
    powers = [x]
    for _ in range(order - 1):
        power = power * x
        powers.append(power)
    if groups == 1:
        return torch.cat(powers, dim=channel_dim)
    split = [p.unflatten(channel_dim, [groups, x.shape[channel_dim] // groups]) for p in powers]
    return torch.cat(split, dim=channel_dim + 1).flatten(channel_dim, channel_dim + 1)

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

from collections.abc import Sequence
from itertools import pairwise

import torch

from .edges import Edges


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


def fill_powers(x: torch.Tensor, order: int, groups: int, edges: Edges) -> torch.Tensor:
    """Pad `x` and expand its powers (`expand_powers`) without a copy: every power is computed where it is to stand.

    Args:
        x: ``(batch, channels, *spatial)``; autograd does not see what happens to it.
        order, groups: as of `expand_powers`.
        edges: padding, of the powers as of `x`.

    Returns:
        ``(batch, order * channels, *padded)`` in the memory format of `x`; `x` itself where there is nothing to do.
    """
    if order == 1 and edges.is_empty():
        return x
    channels = x.shape[1]
    powers = empty_like_format(x, order * channels, edges.around(x.shape[2:]))
    by_power = edges.interior(powers).unflatten(1, (groups, order, channels // groups)).unbind(2)
    x = x.unflatten(1, (groups, channels // groups))
    by_power[0].copy_(x)
    for lower, power in pairwise(by_power):
        torch.mul(lower, x, out=power)
    edges.fill(powers)
    return powers


def derive_powers(x: torch.Tensor, gradient: torch.Tensor, order: int, groups: int, edges: Edges) -> torch.Tensor:
    """Bring the gradient of the powers back to `x`: ``g_1 + 2 x g_2 + ... + q x^(q - 1) g_q``.

    Args:
        x, order, groups, edges: as of `fill_powers`.
        gradient: of what `fill_powers` returns; changed in place where there are edges.

    Returns:
        The gradient of `x`, computed from the highest power down in ``order - 1`` passes.
    """
    edges.fold(gradient)
    by_power = edges.interior(gradient).unflatten(1, (groups, order, x.shape[1] // groups)).unbind(2)
    x = x.unflatten(1, (groups, x.shape[1] // groups))
    total = by_power[-1]
    for i in range(order - 1, 0, -1):
        total = torch.addcmul(by_power[i - 1], x, total, value=(i + 1) / i)
    return total.flatten(1, 2)


def empty_like_format(x: torch.Tensor, channels: int, size: Sequence[int]) -> torch.Tensor:
    """Return an empty ``(batch, channels, *size)`` tensor, channels last in memory where those of `x` are."""
    if is_channels_last(x):
        return x.new_empty((len(x), *size, channels)).movedim(-1, 1)
    return x.new_empty((len(x), channels, *size))


def is_channels_last(x: torch.Tensor) -> bool:
    """Whether the channels of a batch of images or volumes, or of a part of one, come last in memory."""
    return x.dim() > 3 and x.shape[1] > 1 and x.stride(1) == 1

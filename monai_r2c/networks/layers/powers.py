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

import torch

from .edges import Edges

# Powers stand along the channels group by group, and within a group power by power. What knows it is in this file.


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


def split_powers(x: torch.Tensor, order: int, groups: int, channel_dim: int = 1) -> torch.Tensor:
    """View what has expanded channels along `channel_dim` with the power as its first dimension.

    Returns:
        ``(order, ..., groups, channels / groups, ...)``: the channels stand where they stood, split into groups.
    """
    return x.unflatten(channel_dim, (groups, order, -1)).movedim(channel_dim + 1, 0)


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
    powers = empty_like_format(x, order * x.shape[1], edges.around(x.shape[2:]))
    first, *higher = split_powers(powers, order, groups)
    edges.interior(first).copy_(x.unflatten(1, (groups, -1)))
    edges.fill(first)
    for lower, power in zip((first, *higher), higher):
        torch.mul(lower, first, out=power)
    return powers


def derive_powers(powers: torch.Tensor, gradient: torch.Tensor, order: int, groups: int, edges: Edges) -> torch.Tensor:
    """Bring the gradient of the powers back to `x`: ``g_1 + 2 x g_2 + ... + q x^(q - 1) g_q``.

    Args:
        powers: what `fill_powers` returns for `x`.
        gradient: of `powers`; changed in place where there are edges.
        order, groups, edges: as of `fill_powers`.

    Returns:
        The gradient of `x`, computed from the highest power down in ``order - 1`` passes.
    """
    x = split_powers(powers, order, groups)[0]
    first, *higher = split_powers(gradient, order, groups)
    edges.fold(first)
    if not higher:
        return edges.interior(gradient)
    total = higher[-1]
    for i in range(order - 1, 1, -1):
        total = torch.addcmul(higher[i - 2], x, total, value=(i + 1) / i)
    edges.fold(total)  # an edge of x holds what its source holds, so the product may follow the fold
    return torch.addcmul(edges.interior(first), edges.interior(x), edges.interior(total), value=2).flatten(1, 2)


def empty_like_format(x: torch.Tensor, channels: int, size: Sequence[int]) -> torch.Tensor:
    """Return an empty ``(batch, channels, *size)`` tensor, channels last in memory where those of `x` are."""
    layout = torch.contiguous_format
    if is_channels_last(x):
        layout = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
    return torch.empty((len(x), channels, *size), dtype=x.dtype, device=x.device, memory_format=layout)


def is_channels_last(x: torch.Tensor) -> bool:
    """Whether the channels of a batch of images or volumes, or of a part of one, come last in memory."""
    return x.dim() > 3 and x.shape[1] > 1 and x.stride(1) == 1

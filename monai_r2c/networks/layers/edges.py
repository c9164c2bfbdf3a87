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
from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Edges:
    """Padding around the interior of an image: how wide along each spatial dimension, and where its values come from.

    The spatial dimensions are the last ones of a tensor, whatever stands before them.

    Attributes:
        before, after: width along each spatial dimension.
        mode: ``constant`` (zeros), ``reflect``, ``replicate`` or ``circular``, as of ``torch.nn.functional.pad``.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    mode: str = "constant"

    @classmethod
    def none(cls, spatial_dims: int) -> Edges:
        """Return edges of no width."""
        return cls((0,) * spatial_dims, (0,) * spatial_dims)

    def is_empty(self) -> bool:
        return not any(self.before) and not any(self.after)

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with the edges around it."""
        if self.is_empty():
            return x
        widths = [width for pair in zip(self.before[::-1], self.after[::-1]) for width in pair]
        return F.pad(x, widths, self.mode)

    def around(self, size: Sequence[int]) -> tuple[int, ...]:
        """Return the spatial size with edges of an interior of `size`.

        Raises:
            ValueError: when an edge is wider than what it copies.
        """
        widths = [max(pair) for pair in zip(self.before, self.after)]
        spare = {"reflect": 1, "circular": 0}.get(self.mode)
        if spare is not None and any(width + spare > length for width, length in zip(widths, size)):
            raise ValueError(f"{self.mode} padding of {widths} does not fit an image of spatial size {list(size)}.")
        return tuple(sum(widths) for widths in zip(self.before, size, self.after))

    def interior(self, x: torch.Tensor) -> torch.Tensor:
        """Return a view of padded `x` without its edges."""
        if self.is_empty():
            return x
        return x[(..., *(slice(before, -after or None) for before, after in zip(self.before, self.after)))]

    def fill(self, x: torch.Tensor) -> None:
        """Write the edges of padded `x`, in place, from its interior."""
        for dim in range(-len(self.before), 0):
            if self.mode == "constant":
                x.narrow(dim, 0, self.before[dim]).zero_()
                x.narrow(dim, x.shape[dim] - self.after[dim], self.after[dim]).zero_()
                continue
            for edge, source in self.sources(dim, x.shape[dim]):
                x.select(dim, edge).copy_(x.select(dim, source))

    def fold(self, gradient: torch.Tensor) -> None:
        """Add, in place, the gradient of every edge to that of the interior it came from."""
        if self.mode == "constant":
            return
        for dim in range(-1, -len(self.before) - 1, -1):
            for edge, source in self.sources(dim, gradient.shape[dim]):
                gradient.select(dim, source).add_(gradient.select(dim, edge))

    def sources(self, dim: int, length: int) -> Sequence[tuple[int, int]]:
        """List the edges along `dim` (-1 the last) of padded `length`, each with the position that it copies."""
        before, after = self.before[dim], self.after[dim]
        end = length - after
        low = [before - 1 - i for i in range(before)]
        high = [end + i for i in range(after)]
        if self.mode == "reflect":
            return [(edge, 2 * before - edge) for edge in low] + [(edge, 2 * (end - 1) - edge) for edge in high]
        if self.mode == "replicate":
            return [(edge, before) for edge in low] + [(edge, end - 1) for edge in high]
        period = end - before  # circular
        return [(edge, edge + period) for edge in low] + [(edge, edge - period) for edge in high]

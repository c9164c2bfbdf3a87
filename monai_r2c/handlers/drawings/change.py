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

# gray levels, as a share of the range, and structural change at which the colours are full
FULL_DIFFERENCE, FULL_STRUCTURE = 0.25, 0.5
_BRIGHTER, _DARKER = (1.0, 0.55, 0.1), (0.2, 0.6, 1.0)
_STRUCTURE = ((0.0, 0.0, 0.0), (0.45, 0.05, 0.45), (0.95, 0.35, 0.25), (1.0, 0.95, 0.6))


def draw_difference(restored: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Colour what a restoration changed: orange where it made brighter, blue where darker, black where nothing.

    Args:
        restored, image: ``(rows, columns)`` in [0, 1].

    Returns:
        ``(rows, columns, 3)`` in [0, 1]; full colour from a quarter of the gray range on.
    """
    change = ((restored - image) / FULL_DIFFERENCE).clamp(-1, 1)[..., None]
    return change.clamp_min(0) * torch.tensor(_BRIGHTER) + (-change).clamp_min(0) * torch.tensor(_DARKER)


def draw_structure(change: torch.Tensor) -> torch.Tensor:
    """Colour a structural change map ``(rows, columns)``: black 0, through purple and orange, to yellow from 0.5 on."""
    colours = torch.tensor(_STRUCTURE)
    position = (change / FULL_STRUCTURE).clamp(0, 1) * (len(colours) - 1)
    below = position.floor().clamp(max=len(colours) - 2).long()
    share = (position - below)[..., None]
    return colours[below] * (1 - share) + colours[below + 1] * share

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


def with_gray_levels(image: torch.Tensor, count: int) -> torch.Tensor:
    """Return an image with maps beside it that say how far each pixel lies above gray values evenly spaced in (-1, 1).

    An instance norm behind a convolution takes away every straight line of gray values, exposure and contrast with it,
    and the network then gives the same image for all of them. A line does other things to each of these maps, so from
    them a network can tell, and keep, what an image's exposure was.

    Args:
        image: ``(batch, channels, *spatial)`` in [-1, 1].
        count: levels; 0 returns the image alone.

    Returns:
        ``(batch, (1 + count) channels, *spatial)``: the image, then ``max(0, image - level)`` from the lowest level up.
    """
    levels = [2 * (number + 1) / (count + 1) - 1 for number in range(count)]
    return torch.cat([image, *((image - level).relu() for level in levels)], 1) if count else image

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
import torch.nn as nn
import torch.nn.functional as F

from ..blocks import LocalRestorer, local_line
from .checks import check_counts, check_image
from .generator import R2CGenerator
from .image_alone import ImageAlone
from .wrapped import WrappedGenerator


class NativeGeneratorBase(nn.Module):
    """What the native generator and its one-tensor view share; its documentation is that of `NativeGenerator`."""

    has_decoder = True
    keeps_native_detail = True

    def __init__(
        self, whole: Mapping[str, Any], working_size: int = 256, local_features: int = 32, tile: int = 1024
    ) -> None:
        super().__init__()
        check_counts(working_size=working_size, local_features=local_features, tile=tile)
        if tile % LocalRestorer.multiple or local_features % 4:
            raise ValueError(
                f"tile must be a multiple of {LocalRestorer.multiple} and local_features of 4, "
                f"got {tile} and {local_features}."
            )
        self.whole = WrappedGenerator(**whole) if "network" in whole else R2CGenerator(**whole)
        if self.whole.spatial_dims != 2:
            raise ValueError(f"whole must be a network of 2 spatial dimensions, got {self.whole.spatial_dims}.")
        self.working_size, self.local_features, self.tile = working_size, local_features, tile
        channels = self.whole.in_channels
        self.local = LocalRestorer(3 * channels, channels, local_features)

    @property
    def spatial_dims(self) -> int:
        return 2

    @property
    def in_channels(self) -> int:
        return self.whole.in_channels

    @property
    def num_classes(self) -> int:
        return self.whole.num_classes

    @property
    def feature_layer(self) -> str:
        """Name of the layer whose output the class head reads."""
        return f"whole.{self.whole.feature_layer}"

    def thumbnail_of(self, image: torch.Tensor) -> torch.Tensor:
        """The whole image at the working size: its shorter side has that many pixels."""
        own = [int(length) for length in image.shape[2:]]  # in a trace they are tensors
        size = [round(length * self.working_size / min(own)) for length in own]
        if own == size:
            return image
        return F.interpolate(image, size, mode="bilinear", antialias=True)

    def translate(
        self, image: torch.Tensor, thumbnail: torch.Tensor | None = None, place: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the restored image and the logits; arguments as of a call."""
        check_image(list(image.shape), self.in_channels, 2)
        whole_image = thumbnail is None
        thumbnail = self.thumbnail_of(image) if thumbnail is None else thumbnail
        restored, logits = self.whole(thumbnail)
        maps = torch.cat([restored.float(), *local_line(thumbnail, restored)], 1)
        if place is None:
            place = image.new_tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float32).expand(len(image), 4)
        if whole_image and not torch.is_grad_enabled() and max(image.shape[2:]) > self.tile:
            return self._in_tiles(image, maps), logits
        return self._refine(image, maps, place), logits

    def get_settings(self) -> dict[str, Any]:
        """Return the arguments that build this network again, as plain values."""
        names = ("working_size", "local_features", "tile")
        return {"whole": self.whole.get_settings(), **{name: getattr(self, name) for name in names}}

    def _refine(self, image: torch.Tensor, maps: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        restored, slope, offset = _part_of(maps, place, [int(n) for n in image.shape[2:]]).chunk(3, 1)
        line = slope * image.float() + offset
        refined = line + self.local(torch.cat([image.float(), line, restored], 1)).float()
        # a sum may leave the range a little; in training the loss sees by how much
        return refined if self.local.training else refined.clamp(-1, 1)

    def _in_tiles(self, image: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        rows, columns = image.shape[2:]
        restored = torch.empty_like(image, dtype=torch.float32)
        for top in range(0, rows, self.tile):
            for left in range(0, columns, self.tile):
                down, across = (_around(start, self.tile, n) for start, n in ((top, rows), (left, columns)))
                box = [down[0] / rows, across[0] / columns, down[1] / rows, across[1] / columns]
                place = image.new_tensor(box, dtype=torch.float32).expand(len(image), 4)
                tile = self._refine(image[:, :, slice(*down), slice(*across)], maps, place)
                kept = tile[:, :, top - down[0] :, left - across[0] :][:, :, : self.tile, : self.tile]
                restored[:, :, top : top + self.tile, left : left + self.tile] = kept
        return restored


class NativeGenerator(NativeGeneratorBase):
    """Restores an image at its own size, whatever that is, and classifies it.

    What is global is decided from the whole image at a working size: exposure, scatter, tone and class, by a network
    that restores the thumbnail (`whole`, any restorer of this package). From poor and restored thumbnail follows a
    straight line of gray values around each pixel (`monai_r2c.networks.blocks.local_line`), which carries the new tone
    to the image's own size without touching its detail. What is local is restored there: noise, blur and compression,
    by a small network without norms (`LocalRestorer`) that sees the image, the image after that line and the enlarged
    restored thumbnail, and changes the second.

    Args:
        whole: arguments of the restorer of thumbnails, as of its ``get_settings()``: of `WrappedGenerator`, which have
            a ``network``, or of `R2CGenerator`.
        working_size: pixels of the shorter side of a thumbnail.
        local_features: channels of the local network's finest level, a multiple of 4.
        tile: an image with a side longer than this many pixels is restored tile by tile where no gradient is needed,
            with an overlap that makes the result independent of the tiles; a multiple of 8.

    Attributes:
        keeps_native_detail: True; an image is to be given to it at its own size.

    Shape:
        Input ``(batch, channels, rows, columns)`` in [-1, 1]; output the pair of the image of that shape, float32 in
        [-1, 1] (while training it may leave the range), and the logits ``(batch, classes)``.

        An image that is a part of one is given together with ``thumbnail``, the whole one at the working size, and
        ``place``, ``(batch, 4)``: where in the whole image its top, left, bottom and right edges lie, from 0 to 1.

    Raises:
        ValueError: when an argument is outside its values, or an image has other channels or dimensions.

    Source of the line: K. He, J. Sun, "Fast guided filter", arXiv:1505.00996.

    Example:
        >>> whole = {"spatial_dims": 2, "in_channels": 1, "features": 8}
        >>> image, logits = NativeGenerator(whole, working_size=64)(torch.zeros(1, 1, 150, 200))
        >>> image.shape, logits.shape
        (torch.Size([1, 1, 150, 200]), torch.Size([1, 2]))
    """

    def forward(
        self, image: torch.Tensor, thumbnail: torch.Tensor | None = None, place: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.translate(image, thumbnail, place)


class NativeRestorer(NativeGeneratorBase, ImageAlone):
    """The native generator as a restorer alone: gives the restored image only. Arguments of `NativeGenerator`."""

    head_name = "whole.head"

    def forward(
        self, image: torch.Tensor, thumbnail: torch.Tensor | None = None, place: torch.Tensor | None = None
    ) -> torch.Tensor:
        return self.translate(image, thumbnail, place)[0]


def _part_of(maps: torch.Tensor, place: torch.Tensor, size: list[int]) -> torch.Tensor:
    """The part of maps of the whole image that lies at a place, at the given size."""
    top, left, bottom, right = place.unbind(1)
    # what grid_sample counts from -1 to 1, and places at the middles of pixels
    rows, columns = (
        (start[:, None] + (end - start)[:, None] * (torch.arange(n, device=maps.device) + 0.5) / n) * 2 - 1
        for start, end, n in ((top, bottom, size[0]), (left, right, size[1]))
    )
    grid = torch.stack([columns[:, None, :].expand(-1, size[0], -1), rows[:, :, None].expand(-1, -1, size[1])], -1)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _around(start: int, tile: int, length: int) -> tuple[int, int]:
    """A tile with all that changes it."""
    return max(0, start - LocalRestorer.reach), min(length, start + tile + LocalRestorer.reach)

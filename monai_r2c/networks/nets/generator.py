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

from typing import Any

import torch
import torch.nn as nn

from monai_r2c.utils import Variant

from ..blocks import ClassHead, ConvolutionKind, InstanceNorm, R2CResidualBlock, SameDown, SameUp
from ..initialisation import glorot_uniform_

# published widths: (channels after each halving of the size), residual blocks, block that the class head reads
_PUBLISHED = {
    Variant.OPERATIONAL: (128, 1, 1),
    Variant.CONVOLUTIONAL_LIGHT: (128, 1, 1),
    Variant.CONVOLUTIONAL: (64, 9, 5),
}


class R2CGeneratorBase(nn.Module):
    """What the generator and its one-tensor views share; its documentation is that of `R2CGenerator`."""

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        num_classes: int = 2,
        variant: str = Variant.OPERATIONAL,
        order: int = 3,
        features: int | None = None,
        num_residual_blocks: int | None = None,
        class_block: int | None = None,
        class_features: str = "activated",
        class_pooling: str = "max",
        higher_order_scale: float = 1.0,
    ) -> None:
        super().__init__()
        variant = Variant(variant)
        kind = ConvolutionKind(spatial_dims, variant, order, higher_order_scale)
        published_features, published_blocks, published_class_block = _PUBLISHED[variant]
        features = published_features if features is None else features
        blocks = published_blocks if num_residual_blocks is None else num_residual_blocks
        class_block = min(published_class_block, blocks) if class_block is None else class_block
        if class_features not in ("activated", "preactivation"):
            raise ValueError(f"class_features must be activated or preactivation, got {class_features!r}.")
        if not 1 <= class_block <= blocks:
            raise ValueError(f"class_block must be 1 to {blocks}, the number of residual blocks, got {class_block}.")

        self.spatial_dims, self.in_channels, self.num_classes = spatial_dims, in_channels, num_classes
        self.variant, self.order = str(variant), order if kind.operational else 1
        self.features, self.num_residual_blocks, self.class_block = features, blocks, class_block
        self.class_features, self.class_pooling = class_features, class_pooling
        self.higher_order_scale = higher_order_scale

        if variant is Variant.CONVOLUTIONAL:
            self._build_deep_ends(kind)
            self.min_size = 5
        else:
            self._build_light_ends(kind)
            self.min_size = 3
        width = features * 4 if variant is Variant.CONVOLUTIONAL else features
        self.activation = nn.Tanh() if kind.operational else nn.Identity()
        to_head, after_head = _trunk(kind, width, class_block), _trunk(kind, width, blocks - class_block)
        self.trunk = nn.Sequential(*to_head[:-1])
        self.after_head = nn.Sequential(*after_head)
        self.head = ClassHead(width, num_classes, class_pooling)
        self.head_reads_activated = class_features == "activated"
        glorot_uniform_(self)

    def translate(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the translated image and the logits of the input's class."""
        if min(image.shape[2:]) < self.min_size:
            raise ValueError(
                f"every spatial size must be at least {self.min_size}, got an image of shape {list(image.shape)}."
            )
        x = self.stem(image)
        sizes: list[list[int]] = []
        for down in self.down:
            sizes.append(list(x.shape[2:]))
            x = down(x)
        features = self.trunk(x)
        activated = self.activation(features)
        logits = self.head(activated if self.head_reads_activated else features)
        x = self.after_head(activated)
        for i, up in enumerate(self.up):
            x = up(x, sizes[len(sizes) - 1 - i])
        return torch.tanh(self.to_image(x)), logits

    def get_settings(self) -> dict[str, Any]:
        """Return the arguments that build this network again, as plain values."""
        names = (
            "spatial_dims in_channels num_classes variant order features num_residual_blocks class_block "
            "class_features class_pooling higher_order_scale"
        )
        return {name: getattr(self, name) for name in names.split()}

    def _build_light_ends(self, kind: ConvolutionKind) -> None:
        image, width = self.in_channels, self.features
        activation = [] if kind.operational else [nn.ReLU(inplace=True)]
        self.stem: nn.Module = nn.Identity()
        self.down = nn.ModuleList(
            [SameDown(kind, image, width, 3, 2, False, InstanceNorm(width, inplace=True), *activation)]
        )
        self.up = nn.ModuleList([SameUp(kind, width, image, True)])
        self.to_image: nn.Module = nn.Identity()

    def _build_deep_ends(self, kind: ConvolutionKind) -> None:
        image, width = self.in_channels, self.features
        around = {"padding": 3, "padding_mode": "reflect"}
        self.stem = nn.Sequential(
            kind.conv(image, width, 7, bias=False, **around), InstanceNorm(width, inplace=True), nn.ReLU(inplace=True)
        )
        self.down = nn.ModuleList(
            SameDown(kind, n, 2 * n, 3, 2, False, InstanceNorm(2 * n, inplace=True), nn.ReLU(inplace=True))
            for n in (width, 2 * width)
        )
        self.up = nn.ModuleList(
            SameUp(kind, 2 * n, n, False, InstanceNorm(n, inplace=True), nn.ReLU(inplace=True))
            for n in (2 * width, width)
        )
        self.to_image = kind.conv(width, image, 7, **around)


def _trunk(kind: ConvolutionKind, channels: int, blocks: int) -> list[nn.Module]:
    activation = nn.Tanh if kind.operational else nn.Identity
    return [layer for _ in range(blocks) for layer in (R2CResidualBlock(kind, channels), activation())]


class R2CGenerator(R2CGeneratorBase):
    """Generator of R2C-GAN: translates an image and classifies its input at the same time.

    Used as the restorer (poor -> good) and as the degrader (good -> poor).

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: of the input image and of the translated one; the published networks have 3.
        num_classes: number of logits.
        variant: ``operational``, ``convolutional`` or ``convolutional_light``.
        order: highest power of the operational layers, at least 1; the plain variants have no use for it.
        features: channels after the first layer; published 128, and 64 (256 in the trunk) for ``convolutional``.
        num_residual_blocks: published 1, and 9 for ``convolutional``.
        class_block: the residual block whose output the class head reads, counted from 1; published 1, and 5 of 9.
        class_features: ``activated`` reads the block's output as published; ``preactivation`` reads it before the
            block's last tanh, where the maximum does not saturate (the same thing in the plain variants).
        class_pooling: ``max`` as published, ``mean`` or ``mean_max``.
        higher_order_scale: factor on the initial kernels of order 2 and up; published 1.

    Shape:
        Input ``(batch, in_channels, *spatial)`` in [-1, 1], every spatial size at least 3 (``convolutional``: 5).
        Output the pair of the image, of the input's shape in [-1, 1], and the logits ``(batch, num_classes)``. A size
        that the stride of 2 (``convolutional``: 4) does not divide is rounded up inside, as TensorFlow's SAME padding
        does, and the output cropped to the input's size.

    Raises:
        ValueError: when an argument is outside its values, or an image is smaller than the least size.

    Source: R2C-GAN, arXiv:2209.14770, with one bias for each operational layer.

    Example:
        >>> image, logits = R2CGenerator(spatial_dims=2)(torch.zeros(1, 1, 64, 64))
        >>> image.shape, logits.shape
        (torch.Size([1, 1, 64, 64]), torch.Size([1, 2]))
    """

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.translate(image)


class R2CRestorer(R2CGeneratorBase):
    """The generator as a restorer alone: gives the translated image only. Arguments and weights of `R2CGenerator`."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.translate(image)[0]


class R2CClassifier(R2CGeneratorBase):
    """The generator as a classifier alone: gives the logits only. Arguments and weights of `R2CGenerator`."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.translate(image)[1]

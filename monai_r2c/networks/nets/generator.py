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

from collections.abc import Callable
from typing import Any

import torch
import torch.nn as nn

from monai_r2c.utils import Variant

from ..blocks import UPSAMPLINGS, Chain, ClassHead, ConvolutionKind, R2CResidualBlock, ResizeUp, SameDown, SameUp
from ..blocks.convolution_kind import PUBLISHED_NORM, LayerName
from ..initialisation import glorot_uniform_
from .checks import check_counts, check_image, check_variant
from .image_alone import ImageAlone

# published: channels after each halving of the size, residual blocks, block that the class head reads, activation
_PUBLISHED = {
    Variant.OPERATIONAL: (128, 1, 1, "tanh"),
    Variant.CONVOLUTIONAL_LIGHT: (128, 1, 1, "relu"),
    Variant.CONVOLUTIONAL: (64, 9, 5, "relu"),
}


class R2CGeneratorBase(nn.Module):
    """What the generator and its one-tensor views share; its documentation is that of `R2CGenerator`."""

    has_decoder = True
    feature_layer = "trunk"  # whose output the class head reads, by its name

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
        act: LayerName | None = None,
        norm: LayerName | None = PUBLISHED_NORM,
        dropout: LayerName | float | None = None,
        out_channels: int | None = None,
        upsampling: str = "transposed",
    ) -> None:
        super().__init__()
        variant = check_variant(variant)
        published_features, published_blocks, published_class_block, published_act = _PUBLISHED[variant]
        features = published_features if features is None else features
        blocks = published_blocks if num_residual_blocks is None else num_residual_blocks
        out_channels = in_channels if out_channels is None else out_channels
        check_counts(in_channels=in_channels, num_classes=num_classes, features=features)
        check_counts(num_residual_blocks=blocks, out_channels=out_channels)
        class_block = min(published_class_block, blocks) if class_block is None else class_block
        act = published_act if act is None else act
        kind = ConvolutionKind(spatial_dims, variant, order, higher_order_scale, act, norm, dropout)
        if class_features not in ("activated", "preactivation"):
            raise ValueError(f"class_features must be activated or preactivation, got {class_features!r}.")
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling must be one of {', '.join(UPSAMPLINGS)}, got {upsampling!r}.")
        if not 1 <= class_block <= blocks:
            raise ValueError(f"class_block must be 1 to {blocks}, the number of residual blocks, got {class_block}.")

        self.spatial_dims, self.in_channels, self.out_channels = spatial_dims, in_channels, out_channels
        self.variant, self.order, self.num_classes = str(variant), order if kind.operational else 1, num_classes
        self.features, self.num_residual_blocks, self.class_block = features, blocks, class_block
        self.class_features, self.class_pooling = class_features, class_pooling
        self.higher_order_scale = higher_order_scale
        self.act, self.norm, self.dropout, self.upsampling = act, norm, dropout, upsampling
        self.min_size = 5 if variant is Variant.CONVOLUTIONAL else 3

        build = _deep_ends if variant is Variant.CONVOLUTIONAL else _light_ends
        self.stem, self.down, up, to_image = build(
            kind, in_channels, features, out_channels, ResizeUp if upsampling == "resize" else SameUp
        )
        if self.has_decoder:
            self.up, self.to_image = up, to_image
        width = features * 4 if variant is Variant.CONVOLUTIONAL else features
        self.activation = _after_block(kind)
        self.trunk = nn.Sequential(*_blocks(kind, width, class_block)[:-1])
        if self.has_decoder:
            self.after_head = nn.Sequential(*_blocks(kind, width, blocks - class_block))
        self.head = ClassHead(width, num_classes, class_pooling)
        self.head_reads_activated = class_features == "activated"
        glorot_uniform_(self)

    def encode(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the features of an image for the class head and for the decoder.

        Raises:
            ValueError: when the image has other channels or dimensions, or is smaller than the least size.
        """
        check_image(list(image.shape), self.in_channels, self.spatial_dims)
        if min(image.shape[2:]) < self.min_size:
            raise ValueError(
                f"every spatial size must be at least {self.min_size}, got an image of shape {list(image.shape)}."
            )
        features = self.trunk(self.down(self.stem(image)))
        activated = self.activation(features)
        return activated if self.head_reads_activated else features, activated

    def decode(self, features: torch.Tensor, size: list[int]) -> torch.Tensor:
        """Return the image, of the given spatial size, of features for the decoder."""
        return torch.tanh(self.to_image(self.up(self.after_head(features), size)))

    def get_settings(self) -> dict[str, Any]:
        """Return the arguments that build this network again, as plain values."""
        names = (
            "spatial_dims in_channels num_classes variant order features num_residual_blocks class_block "
            "class_features class_pooling higher_order_scale act norm dropout out_channels upsampling"
        )
        return {name: getattr(self, name) for name in names.split()}


class UpLevels(nn.ModuleList):
    """Levels that each double the size, such as `SameUp`, called with the size of the last one's image."""

    def forward(self, x: torch.Tensor, size: list[int]) -> torch.Tensor:
        sizes = [size]
        for _ in self:
            sizes.append([(length + 1) // 2 for length in sizes[-1]])
        for i, level in enumerate(self):
            x = level(x, sizes[len(sizes) - 2 - i])
        return x


def _light_ends(
    kind: ConvolutionKind, image: int, width: int, translated: int, level: Callable[..., nn.Module]
) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    down = SameDown(kind, image, width, 3, 2, False, *kind.after(width, activated=not kind.operational))
    up = level(kind, width, translated, True)
    return nn.Identity(), nn.Sequential(down), UpLevels([up]), nn.Identity()


def _deep_ends(
    kind: ConvolutionKind, image: int, width: int, translated: int, level: Callable[..., nn.Module]
) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
    around = {"padding": 3, "padding_mode": "reflect"}
    stem = Chain(kind.conv(image, width, 7, bias=False, **around), *kind.after(width))
    down = nn.Sequential(*(SameDown(kind, n, 2 * n, 3, 2, False, *kind.after(2 * n)) for n in (width, 2 * width)))
    up = UpLevels([level(kind, 2 * n, n, False, *kind.after(n)) for n in (2 * width, width)])
    return stem, down, up, kind.conv(width, translated, 7, **around)


def _after_block(kind: ConvolutionKind) -> nn.Module:
    return kind.activation() if kind.operational else nn.Identity()


def _blocks(kind: ConvolutionKind, channels: int, count: int) -> list[nn.Module]:
    return [layer for _ in range(count) for layer in (R2CResidualBlock(kind, channels), _after_block(kind))]


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
        act: activation as MONAI's ``Act`` factory takes it, a name or a name and its arguments; None is the published
            one, tanh (plain variants: ReLU). Before operational layers it should keep features near [-1, 1].
        norm: in the same way, of the ``Norm`` factory; None is none.
        dropout: probability, or as the ``Dropout`` factory takes it, after each norm; published none.
        out_channels: of the translated image; None is `in_channels`.
        upsampling: ``transposed`` convolutions as published, or ``resize``, which leaves no checkerboard: see
            `monai_r2c.networks.blocks.ResizeUp`.

    Attributes:
        stem, down, trunk: the encoder, one after the other: from the image to the features that the class head reads.
        activation: what follows the trunk, before the decoder and, with `class_features` ``activated``, the head.
        head: the class head, from features to logits.
        after_head, up, to_image: the decoder, one after the other, before the last tanh; `up` is called with the
            features and the spatial size of the image.

        Each is a module that can be called and swapped; `encode` and `decode` run theirs together.

    Shape:
        Input ``(batch, in_channels, *spatial)`` in [-1, 1], every spatial size at least 3 (``convolutional``: 5).
        Output the pair of the image ``(batch, out_channels, *spatial)`` in [-1, 1] and the logits
        ``(batch, num_classes)``. A size that the stride of 2 (``convolutional``: 4) does not divide is rounded up
        inside, as TensorFlow's SAME padding does, and the output cropped to the input's size.

    Raises:
        ValueError: when an argument is outside its values, or an image has other channels or dimensions or is smaller
            than the least size.

    Source: R2C-GAN, arXiv:2209.14770, with one bias for each operational layer.

    Example:
        >>> image, logits = R2CGenerator(spatial_dims=2)(torch.zeros(1, 1, 64, 64))
        >>> image.shape, logits.shape
        (torch.Size([1, 1, 64, 64]), torch.Size([1, 2]))
    """

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for_head, for_decoder = self.encode(image)
        logits = self.head(for_head)
        return self.decode(for_decoder, list(image.shape[2:])), logits


class R2CRestorer(R2CGeneratorBase, ImageAlone):
    """The generator as a restorer alone: gives the translated image only. Arguments and weights of `R2CGenerator`."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(image)[1], list(image.shape[2:]))


class R2CClassifier(R2CGeneratorBase):
    """The generator as a classifier alone: gives the logits only and has no decoder.

    Arguments of `R2CGenerator`, whose weights it loads, but for those of the decoder.
    """

    has_decoder = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_load_state_dict_pre_hook(_leave_decoder)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.encode(image)[0])


def _leave_decoder(module: nn.Module, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
    """Take what belongs to a generator's decoder out of the weights that are to be loaded."""
    parts = tuple(f"{prefix}{part}." for part in ("after_head", "up", "to_image"))
    for name in [name for name in state_dict if name.startswith(parts)]:
        del state_dict[name]

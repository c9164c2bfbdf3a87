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

from ..blocks import ConvolutionKind, SameDown
from ..blocks.convolution_kind import PUBLISHED_NORM, LayerName
from ..initialisation import glorot_uniform_
from .checks import check_counts, check_image, check_variant

PUBLISHED_ACT: LayerName = ("leakyrelu", {"negative_slope": 0.2})


class R2CDiscriminator(nn.Module):
    """Patch discriminator of R2C-GAN: a map of scores, near 1 where the image looks real and near 0 where generated.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: of the image; the published networks have 3.
        variant: ``operational``, ``convolutional`` or ``convolutional_light``.
        order: highest power of the operational layers, at least 1; the plain variants have no use for it.
        features: channels after the first layer, published 64.
        higher_order_scale: factor on the initial kernels of order 2 and up; published 1.
        act: activation as MONAI's ``Act`` factory takes it, a name or a name and its arguments; None is none.
        norm: in the same way, of the ``Norm`` factory.
        dropout: probability, or as the ``Dropout`` factory takes it, between norm and activation; published none.
        out_channels: number of score maps.

    Attributes:
        layers: the convolutions with what follows them, in order; each can be called and swapped.

    Shape:
        Input ``(batch, in_channels, *spatial)`` in [-1, 1], at least one spatial size above 8: a smaller image ends in
        one pixel, which a norm leaves nothing of. Output ``(batch, out_channels, *ceil(spatial / 8))``, unbounded. The
        operational variant ends with an activation, the others are linear.

    Raises:
        ValueError: when an argument is outside its values, or an image has other channels or dimensions or is smaller
            than the least size.

    Source: R2C-GAN, arXiv:2209.14770, with one bias for each operational layer.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int = 1,
        variant: str = Variant.OPERATIONAL,
        order: int = 3,
        features: int = 64,
        higher_order_scale: float = 1.0,
        act: LayerName | None = PUBLISHED_ACT,
        norm: LayerName | None = PUBLISHED_NORM,
        dropout: LayerName | float | None = None,
        out_channels: int = 1,
    ) -> None:
        super().__init__()
        variant = check_variant(variant)
        check_counts(in_channels=in_channels, features=features, out_channels=out_channels)
        kind = ConvolutionKind(spatial_dims, variant, order, higher_order_scale, act, norm, dropout)
        self.spatial_dims, self.in_channels, self.out_channels = spatial_dims, in_channels, out_channels
        self.variant, self.order = str(variant), order if kind.operational else 1
        self.features, self.higher_order_scale = features, higher_order_scale
        self.act, self.norm, self.dropout = act, norm, dropout
        self.min_size = 9
        build = _deep if variant is Variant.CONVOLUTIONAL else _light
        self.layers = nn.Sequential(*build(kind, in_channels, features, out_channels))
        glorot_uniform_(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        check_image(list(image.shape), self.in_channels, self.spatial_dims)
        if max(image.shape[2:]) < self.min_size:
            raise ValueError(f"one spatial size must be at least {self.min_size}, got shape {list(image.shape)}.")
        return self.layers(image)

    def get_settings(self) -> dict[str, Any]:
        """Return the arguments that build this network again, as plain values."""
        names = "spatial_dims in_channels variant order features higher_order_scale act norm dropout out_channels"
        return {name: getattr(self, name) for name in names.split()}


def _light(kind: ConvolutionKind, image: int, width: int, scores: int) -> list[nn.Module]:
    return [
        SameDown(kind, image, width, 4, 2, True, kind.activation()),
        SameDown(kind, width, 2 * width, 4, 4, False, *kind.after(2 * width)),
        SameDown(kind, 2 * width, scores, 4, 1, True, *([kind.activation()] if kind.operational else [])),
    ]


def _deep(kind: ConvolutionKind, image: int, width: int, scores: int) -> list[nn.Module]:
    layers: list[nn.Module] = [SameDown(kind, image, width, 4, 2, True, kind.activation())]
    for n, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers.append(SameDown(kind, n, 2 * n, 4, stride, False, *kind.after(2 * n)))
    return [*layers, SameDown(kind, 8 * width, scores, 4, 1, True)]

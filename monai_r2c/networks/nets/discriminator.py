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

from ..blocks import ConvolutionKind, InstanceNorm, SameDown
from ..initialisation import glorot_uniform_

_SLOPE = 0.2


class R2CDiscriminator(nn.Module):
    """Patch discriminator of R2C-GAN: a map of scores, near 1 where the image looks real and near 0 where generated.

    Args:
        spatial_dims: 1, 2 or 3.
        in_channels: of the image; the published networks have 3.
        variant: ``operational``, ``convolutional`` or ``convolutional_light``.
        order: highest power of the operational layers, at least 1; the plain variants have no use for it.
        features: channels after the first layer, published 64.
        higher_order_scale: factor on the initial kernels of order 2 and up; published 1.

    Shape:
        Input ``(batch, in_channels, *spatial)`` in [-1, 1]; output ``(batch, 1, *ceil(spatial / 8))``, unbounded.
        The operational variant ends with a leaky ReLU, the others are linear.

    Raises:
        ValueError: when an argument is outside its values.

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
    ) -> None:
        super().__init__()
        variant = Variant(variant)
        kind = ConvolutionKind(spatial_dims, variant, order, higher_order_scale)
        self.spatial_dims, self.in_channels = spatial_dims, in_channels
        self.variant, self.order = str(variant), order if kind.operational else 1
        self.features, self.higher_order_scale = features, higher_order_scale
        layers = (
            _deep(kind, in_channels, features)
            if variant is Variant.CONVOLUTIONAL
            else _light(kind, in_channels, features)
        )
        self.layers = nn.Sequential(*layers)
        glorot_uniform_(self)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)

    def get_settings(self) -> dict[str, Any]:
        """Return the arguments that build this network again, as plain values."""
        names = ("spatial_dims", "in_channels", "variant", "order", "features", "higher_order_scale")
        return {name: getattr(self, name) for name in names}


def _light(kind: ConvolutionKind, image: int, width: int) -> list[nn.Module]:
    return [
        SameDown(kind, image, width, 4, 2, True, nn.LeakyReLU(_SLOPE)),
        SameDown(kind, width, 2 * width, 4, 4, False, InstanceNorm(2 * width), nn.LeakyReLU(_SLOPE)),
        SameDown(kind, 2 * width, 1, 4, 1, True, *([nn.LeakyReLU(_SLOPE)] if kind.operational else [])),
    ]


def _deep(kind: ConvolutionKind, image: int, width: int) -> list[nn.Module]:
    layers: list[nn.Module] = [SameDown(kind, image, width, 4, 2, True, nn.LeakyReLU(_SLOPE))]
    for n, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers.append(SameDown(kind, n, 2 * n, 4, stride, False, InstanceNorm(2 * n), nn.LeakyReLU(_SLOPE)))
    return [*layers, SameDown(kind, 8 * width, 1, 4, 1, True)]

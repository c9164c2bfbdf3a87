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

from dataclasses import dataclass
from typing import Any, TypeAlias

import torch.nn as nn
from monai.networks.layers.factories import Conv, split_args
from monai.networks.layers.utils import get_act_layer, get_dropout_layer, get_norm_layer

from monai_r2c.utils import Variant

from ..layers.operational import check_order
from .instance_norm import EPSILON, InstanceNorm

LayerName: TypeAlias = str | tuple  # as MONAI's factories take them: "relu" or ("leakyrelu", {"negative_slope": 0.2})

PUBLISHED_NORM: LayerName = ("instance", {"affine": True, "eps": EPSILON})


@dataclass(frozen=True)
class ConvolutionKind:
    """Which layers a network is built from: plain or operational convolutions, and what stands between them.

    Args:
        spatial_dims: 1, 2 or 3.
        variant: `Variant.OPERATIONAL` gives operational layers, the others plain ones.
        order: highest power of the operational layers, at least 1.
        higher_order_scale: factor on their initial kernels of order 2 and up.
        act: activation, as MONAI's ``Act`` factory takes it; None is none.
        norm: as MONAI's ``Norm`` factory takes it; None is none.
        dropout: probability, or as MONAI's ``Dropout`` factory takes it; None is none. It follows a norm.

    Raises:
        ValueError: when an argument is outside these values.
    """

    spatial_dims: int
    variant: Variant
    order: int = 3
    higher_order_scale: float = 1.0
    act: LayerName | None = None
    norm: LayerName | None = PUBLISHED_NORM
    dropout: LayerName | float | None = None

    def __post_init__(self) -> None:
        if self.spatial_dims not in (1, 2, 3):
            raise ValueError(f"spatial_dims must be 1, 2 or 3, got {self.spatial_dims!r}.")
        if self.operational:
            check_order(self.order)

    @property
    def operational(self) -> bool:
        """Whether the layers are operational."""
        return self.variant is Variant.OPERATIONAL

    def conv(self, in_channels: int, out_channels: int, kernel_size: int, **kwargs: Any) -> nn.Module:
        """Build one convolution; `kwargs` as of ``torch.nn.Conv2d``."""
        return self._layer("conv", in_channels, out_channels, kernel_size, **kwargs)

    def transposed(self, in_channels: int, out_channels: int, kernel_size: int, **kwargs: Any) -> nn.Module:
        """Build one transposed convolution; `kwargs` as of ``torch.nn.ConvTranspose2d``."""
        return self._layer("convtrans", in_channels, out_channels, kernel_size, **kwargs)

    def activation(self) -> nn.Module:
        """Build one activation."""
        return nn.Identity() if self.act is None else get_act_layer(self.act)

    def after(self, channels: int, activated: bool = True) -> list[nn.Module]:
        """Build what follows a convolution: its norm, then dropout and activation as one module if there are any."""
        last: list[nn.Module] = []
        if self.dropout is not None:
            last.append(get_dropout_layer(self.dropout, self.spatial_dims))
        if activated:
            last.append(self.activation())
        # one module for both, so that the names of the weights that follow are the same with and without dropout
        return [self._norm(channels), *([nn.Sequential(*last)] if len(last) > 1 else last)]

    def _norm(self, channels: int) -> nn.Module:
        if self.norm is None:
            return nn.Identity()
        name, arguments = split_args(self.norm)
        if str(name).lower() == "instance" and arguments.get("affine") and arguments.keys() <= {"affine", "eps"}:
            return InstanceNorm(channels, arguments.get("eps", 1e-5))  # the same function, faster
        return get_norm_layer(self.norm, self.spatial_dims, channels)

    def _layer(self, plain: str, *args: Any, **kwargs: Any) -> nn.Module:
        if not self.operational:
            return Conv[plain, self.spatial_dims](*args, **kwargs)
        name = {"conv": "operational", "convtrans": "operationaltrans"}[plain]
        return Conv[name, self.spatial_dims](
            *args, order=self.order, higher_order_scale=self.higher_order_scale, **kwargs
        )

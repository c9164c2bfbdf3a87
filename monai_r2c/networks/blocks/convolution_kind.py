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
from typing import Any

import torch.nn as nn
from monai.networks.layers.factories import Conv

from monai_r2c.utils import Variant


@dataclass(frozen=True)
class ConvolutionKind:
    """Which convolutions a network is built from: plain or operational, of which dimension and order.

    Args:
        spatial_dims: 1, 2 or 3.
        variant: `Variant.OPERATIONAL` gives operational layers, the others plain ones.
        order: highest power of the operational layers, at least 1.
        higher_order_scale: factor on their initial kernels of order 2 and up.

    Raises:
        ValueError: when an argument is outside these values.
    """

    spatial_dims: int
    variant: Variant
    order: int = 3
    higher_order_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.spatial_dims not in (1, 2, 3):
            raise ValueError(f"spatial_dims must be 1, 2 or 3, got {self.spatial_dims}.")
        if self.operational and self.order < 1:
            raise ValueError(f"order must be an integer of at least 1, got {self.order}.")

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

    def _layer(self, plain: str, *args: Any, **kwargs: Any) -> nn.Module:
        if not self.operational:
            return Conv[plain, self.spatial_dims](*args, **kwargs)
        name = {"conv": "operational", "convtrans": "operationaltrans"}[plain]
        return Conv[name, self.spatial_dims](
            *args, order=self.order, higher_order_scale=self.higher_order_scale, **kwargs
        )

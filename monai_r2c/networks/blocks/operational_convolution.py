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

from monai.networks.blocks import Convolution
from monai.networks.layers.factories import Conv

from ..convert_layers import geometry


class OperationalConvolution(Convolution):
    """Operational twin of ``monai.networks.blocks.Convolution``: ``(OperationalConv | its transpose) -- (ADN)``.

    Args:
        args, kwargs: all arguments of ``monai.networks.blocks.Convolution``, in its order, with its defaults.
        order: highest power of the operational layer, at least 1.
        higher_order_scale: factor on its initial kernels of order 2 and up, see `OperationalConv2d`.

    Shape:
        As ``monai.networks.blocks.Convolution``. The input is best kept within [-1, 1], for instance by ``act="tanh"``
        in the block before.

    Raises:
        ValueError: when `order` is below 1, or as ``monai.networks.blocks.Convolution`` does.

    Example:
        >>> OperationalConvolution(3, 1, 8, strides=2, act="tanh", order=3)
    """

    def __init__(self, *args: Any, order: int = 3, higher_order_scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = Conv["operationaltrans" if self.is_transposed else "operational", self.spatial_dims]
        # in place of the plain layer, so padding and output padding stay what MONAI makes of the arguments
        plain = geometry(self.get_submodule("conv"))
        self.conv = kind(**plain, order=order, higher_order_scale=higher_order_scale)

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

import math

import torch.nn as nn
from torch.nn.modules.conv import _ConvNd

from .layers.operational import OperationalLayer


def glorot_uniform_(network: nn.Module) -> nn.Module:
    """Initialise every convolution and linear layer of `network` in place as Keras does: Glorot uniform, zero biases.

    The limit is ``sqrt(6 / (k (c_in + c_out)))`` with k taps; each power of an operational layer is drawn with the fans
    of one convolution, then orders 2 and up are scaled by the layer's ``higher_order_scale``.

    Returns:
        The same network.
    """
    for layer in network.modules():
        if isinstance(layer, _ConvNd):
            fans = math.prod(layer.kernel_size) * (layer.in_channels + layer.out_channels) / layer.groups
        elif isinstance(layer, nn.Linear):
            fans = layer.in_features + layer.out_features
        else:
            continue
        limit = math.sqrt(6 / fans)
        nn.init.uniform_(layer.weight, -limit, limit)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if isinstance(layer, OperationalLayer):
            layer.scale_higher_orders(layer.higher_order_scale)
    return network

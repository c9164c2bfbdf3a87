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
from monai.networks.nets import BasicUNet
from monai.networks.nets.restormer import Restormer

from monai_r2c.networks import R2CRestorer

_UNET_FEATURES = (24, 24, 48, 96, 96, 24)
_UNET_NORM = ("instance", {"affine": True})


def operational() -> nn.Module:
    """The operational restorer of half the published width."""
    return _channels_last(R2CRestorer(2, 1, variant="operational", features=64, higher_order_scale=0.1))


def operational_resize() -> nn.Module:
    """The same with up-sampling by resizing, which has no checkerboard of its own."""
    network = R2CRestorer(2, 1, variant="operational", features=64, higher_order_scale=0.1, upsampling="resize")
    return _channels_last(network)


def unet() -> nn.Module:
    """MONAI's U-Net of five levels with interpolation on the way up.

    MONAI's ``UNet`` with residual units ends in a normalised single channel and cannot give black.
    """
    return BasicUNet(2, 1, 1, _UNET_FEATURES, act="RELU", norm=_UNET_NORM, upsample="nontrainable")


def restormer() -> nn.Module:
    """MONAI's Restormer at a sixth of its published width, which is what fits the minutes."""
    return Restormer(2, 1, 1, dim=8, num_blocks=(1, 1, 1, 2), heads=(1, 2, 4, 8), num_refinement_blocks=1)


def _channels_last(network: nn.Module) -> nn.Module:
    """The memory format in which operational layers are faster at this size; for the U-Net it is the other one."""
    return network.to(memory_format=torch.channels_last)


def unet_of_the_bundle() -> dict[str, Any]:
    """The same U-Net as `network_def` of the bundle's configs, with a class head on its deepest features."""
    arguments = {"features": _UNET_FEATURES, "act": "RELU", "norm": _UNET_NORM, "upsample": "nontrainable"}
    return {"_target_": "WrappedRestorer", "network": "BasicUNet", "arguments": arguments}

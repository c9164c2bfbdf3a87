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

from typing import TypeVar

import torch
import torch.nn as nn

from .nets import NativeGeneratorBase, WrappedGeneratorBase

Network = TypeVar("Network", bound=nn.Module)


def to_device(network: Network, device: str | torch.device) -> Network:
    """Move a network, in place, to a device and to the memory format that is fastest there.

    On the CPU the weights of 2-D convolutions become channels_last, and with them all that flows through: oneDNN then
    needs no reordering (docs/source/decisions/speed.md). Elsewhere, for volumes, and for networks of others that are
    wrapped, whose norms and interpolation are slower so, the memory format stays as it is.
    """
    volumes = any(parameter.dim() == 5 for parameter in network.parameters())
    if torch.device(device).type == "cpu" and not volumes:
        if isinstance(network, NativeGeneratorBase):
            to_device(network.whole, device)
            network.local.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        elif not isinstance(network, WrappedGeneratorBase):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.to(device)

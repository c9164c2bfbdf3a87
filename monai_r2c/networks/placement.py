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


_SMALL = 128  # pixels, below which channels_last is slower


def usual_memory_format(network: nn.Module, device: str | torch.device, image_size: int | None = None) -> str:
    """Return the memory format that was found to be fastest for such a network: ``contiguous``, ``channels_last``.

    For a `NativeGenerator` that is ``auto``, because each of its two networks has its own (see `to_device`).

    On the CPU 2-D networks of this package go channels_last: oneDNN then needs no reordering. Small images, volumes and
    networks of others, whose norms and interpolation are slower so, stay contiguous, and so does all on other devices
    (docs/source/decisions/speed.md). What is faster on a machine can be measured: `monai_r2c.engines.choose_execution`.

    Args:
        network: on any device.
        device: where it is to run.
        image_size: length of the sides of the images; None where it is not known, or large.
    """
    if isinstance(network, NativeGeneratorBase):
        return "auto"
    volumes = _has_volumes(network)
    small = image_size is not None and image_size < _SMALL
    others = isinstance(network, WrappedGeneratorBase)
    return "channels_last" if torch.device(device).type == "cpu" and not (volumes or small or others) else "contiguous"


def set_memory_format(network: Network, memory_format: str) -> Network:
    """Bring the weights of a network into a memory format, in place, and with them all that flows through.

    Args:
        network: any.
        memory_format: ``contiguous`` or ``channels_last`` (of volumes: torch's ``channels_last_3d``).

    Raises:
        ValueError: when it is neither.
    """
    if memory_format not in ("contiguous", "channels_last"):
        raise ValueError(f"memory_format must be contiguous or channels_last, got {memory_format!r}.")
    last = torch.channels_last_3d if _has_volumes(network) else torch.channels_last
    layout = last if memory_format == "channels_last" else torch.contiguous_format
    return network.to(memory_format=layout)  # type: ignore[call-overload]


def to_device(network: Network, device: str | torch.device, memory_format: str = "auto") -> Network:
    """Move a network, in place, to a device and to a memory format.

    Args:
        network: any.
        device: where it goes.
        memory_format: ``contiguous``, ``channels_last``, or ``auto`` for `usual_memory_format`.
    """
    if memory_format == "auto" and isinstance(network, NativeGeneratorBase):
        to_device(network.whole, device)
        set_memory_format(network.local, "channels_last" if torch.device(device).type == "cpu" else "contiguous")
        return network.to(device)
    layout = usual_memory_format(network, device) if memory_format == "auto" else memory_format
    return set_memory_format(network, layout).to(device)


def _has_volumes(network: nn.Module) -> bool:
    return any(parameter.dim() == 5 for parameter in network.parameters())

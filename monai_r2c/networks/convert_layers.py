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

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn as nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils.parametrize import is_parametrized

from monai_r2c.utils import InputError

from .layers import (
    OperationalConv1d,
    OperationalConv2d,
    OperationalConv3d,
    OperationalConvTranspose1d,
    OperationalConvTranspose2d,
    OperationalConvTranspose3d,
)

OPERATIONAL: dict[type[nn.Module], type[Any]] = {
    nn.Conv1d: OperationalConv1d,
    nn.Conv2d: OperationalConv2d,
    nn.Conv3d: OperationalConv3d,
    nn.ConvTranspose1d: OperationalConvTranspose1d,
    nn.ConvTranspose2d: OperationalConvTranspose2d,
    nn.ConvTranspose3d: OperationalConvTranspose3d,
}
PLAIN: dict[type[nn.Module], type[Any]] = {operational: plain for plain, operational in OPERATIONAL.items()}

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def geometry(conv: Any) -> dict[str, Any]:
    """Give the constructor arguments of a convolution, plain or operational, but for the order."""
    arguments = {
        "in_channels": conv.in_channels,
        "out_channels": conv.out_channels,
        "kernel_size": conv.kernel_size,
        "stride": conv.stride,
        "padding": conv.padding,
        "dilation": conv.dilation,
        "groups": conv.groups,
        "bias": conv.bias is not None,
        "padding_mode": conv.padding_mode,
        "device": conv.weight.device,
        "dtype": conv.weight.dtype,
    }
    if conv.transposed:
        arguments["output_padding"] = conv.output_padding
    return arguments


def copy_settings(old: _ConvNd, new: _ConvNd, frozen: bool = True) -> None:
    """Give `new` the memory format of `old`, and if `frozen` also what of it is frozen."""
    for memory_format, dims in ((torch.channels_last, 4), (torch.channels_last_3d, 5)):
        if old.weight.dim() == dims and not old.weight.is_contiguous():
            new.weight.data = new.weight.data.contiguous(memory_format=memory_format)
    if frozen:
        new.weight.requires_grad_(old.weight.requires_grad)
        if old.bias is not None and new.bias is not None:
            new.bias.requires_grad_(old.bias.requires_grad)


def check_convertible(layers: Mapping[nn.Module, list[str]], kinds: Iterable[type], network: nn.Module) -> None:
    """Refuse layers whose function their attributes do not tell, or whose weights others hold too.

    Raises:
        InputError: for a layer of a type that is not exactly one of `kinds`, one whose weight is uninitialised,
            computed or used by another module, and one with hooks; the message names the layer.
    """
    kinds = tuple(kinds)
    owners = _owners(network)
    for layer, names in layers.items():
        reason = _unsuited(layer, kinds, owners)
        if reason is not None:
            raise InputError(f"layer {names[0]!r} ({type(layer).__name__}) cannot be converted: {reason}")


def _unsuited(layer: nn.Module, kinds: tuple[type, ...], owners: dict[nn.Parameter, int]) -> str | None:
    if is_parametrized(layer) or "weight" not in layer._parameters:
        return "its weight is computed from others (weight norm, spectral norm, pruning); remove that first"
    if isinstance(layer, LazyModuleMixin) and layer.has_uninitialized_params():
        return "its channels are not known yet; pass one batch through the network first"
    if type(layer) not in kinds:
        return "it is a subclass, whose forward may differ; name it in exclude"
    if any(getattr(layer, hooks) for hooks in _HOOKS):
        return "it has hooks, which would be lost; remove them first"
    if any(owners[parameter] > 1 for parameter in layer.parameters()):
        return "its weight or bias is shared with another module; name both in exclude"
    return None


def _owners(network: nn.Module) -> dict[nn.Parameter, int]:
    """How many modules hold each parameter."""
    counts: dict[nn.Parameter, int] = {}
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            counts[parameter] = counts.get(parameter, 0) + 1
    return counts


def replace_layer(network: nn.Module, names: list[str], new: nn.Module) -> nn.Module:
    """Register `new` under every name; the name "" stands for the network itself, and `new` is returned."""
    for name in names:
        if not name:
            return new
        network.set_submodule(name, new)
    return network

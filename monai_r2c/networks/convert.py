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

import copy
from collections.abc import Callable
from typing import TypeAlias, cast

import torch
import torch.nn as nn
from monai.networks.layers.factories import Act, split_args
from torch.nn.modules.conv import _ConvNd

from monai_r2c.utils import InputError

from .blocks import ParallelOperational
from .convert_layers import OPERATIONAL, PLAIN, check_convertible, copy_settings, geometry, replace_layer
from .convert_selection import Patterns, select_layers

MakeBound: TypeAlias = Callable[[], nn.Module]
Bound: TypeAlias = bool | str | tuple | nn.Module | MakeBound | None

# bounds that MONAI's factory of activations does not have
_BOUNDS: dict[str, type[nn.Module]] = {"hardtanh": nn.Hardtanh, "softsign": nn.Softsign}


def to_operational(
    network: nn.Module,
    order: int = 3,
    *,
    bounded: Bound = None,
    parallel: bool = False,
    include: Patterns | None = None,
    exclude: Patterns | None = None,
    higher_order_scale: float = 0.0,
    inplace: bool = False,
) -> nn.Module:
    """Replace the convolutions of any network by operational ones that keep their trained weights.

    The trained kernels become those of order 1. The kernels of order 2 and up start at zero, so with ``bounded=True``
    or ``parallel=True`` the converted network computes the same function, up to the rounding of sums in another order,
    and then learns. Operational layers that are there already are passed over: call it twice for two kinds of bounds.
    Convert before the optimizer is made, since there are new parameters.

    Args:
        network: any module with ``torch.nn.Conv1d`` to ``ConvTranspose3d`` in it, or one of these itself.
        order: highest power, at least 1.
        bounded: how the inputs of the layers are kept near [-1, 1], which their powers need. True states that they are.
            An activation as MONAI's ``Act`` factory takes it ("tanh", "sigmoid", ``("softmax", {"dim": 1})``; also
            "hardtanh" and "softsign"), a module (copied for each layer) or a function that makes one is put into each
            layer, before its powers, which changes what the network computes. May be left out at order 1 only.
        parallel: keep each convolution as it is and add an operational layer beside it, whose kernels of all orders
            start at zero: ``conv(x) + operational(bound(x))``, see `ParallelOperational`. Keeps the function of a
            trained network whose activations have no bound, for the cost of one kernel more. Frozen convolutions stay
            frozen and the layers beside them learn.
        include: the layers to convert: a pattern of names as `fnmatch` reads it, a module type, or several of these.
            A pattern also selects all that is inside the module it fits. None is every convolution.
        exclude: the layers to leave, in the same way.
        higher_order_scale: factor on freshly drawn kernels of order 2 and up, see `OperationalConv2d`.
        inplace: change `network` itself instead of a copy; where it is one convolution, a new layer is returned.

    Returns:
        The converted network. A layer used at several places stays one layer; each keeps its device, dtype, mode and
        whether its weights are trained, and the names of its attributes and weights.

    Raises:
        InputError: when `order` or `bounded` is wrong, when a pattern fits no plain convolution or none is selected,
            and for a selected layer that cannot be converted: a subclass of torch's layers, lazy and still without
            weights, with hooks, with a weight that is computed (weight norm, spectral norm) or shared with another
            module.

    Example:
        >>> unet = UNet(3, 1, 2, channels=(8, 16), strides=(2,))
        >>> operational = to_operational(unet, order=3, bounded="tanh", exclude="model.0.*")
    """
    make_bound = _bound_factory(bounded, order)
    if not inplace:
        network = copy.deepcopy(network)
    have_one_beside = {module.conv for module in network.modules() if isinstance(module, ParallelOperational)}

    def is_plain(module: nn.Module) -> bool:
        return isinstance(module, _ConvNd) and type(module) not in PLAIN and module not in have_one_beside

    layers = select_layers(network, is_plain, include, exclude)
    check_convertible(layers, OPERATIONAL, network)
    convert = _beside if parallel else _instead
    for layer, names in layers.items():
        new = convert(cast(_ConvNd, layer), order, higher_order_scale, make_bound)
        network = replace_layer(network, names, new.train(layer.training))
    return network


def _bound_factory(bounded: Bound, order: int) -> MakeBound | None:
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise InputError(f"order must be an integer of at least 1, got {order!r}")
    if bounded is None or bounded is False:
        if order == 1:
            return None
        raise InputError(
            f"order {order} raises each layer's input to the power {order}, which explodes unless the input stays near "
            '[-1, 1]: give bounded="tanh" to put a tanh before each layer, or bounded=True where its inputs are bounded'
        )
    if bounded is True:
        return None
    if isinstance(bounded, nn.Module):
        return lambda: copy.deepcopy(bounded)
    if isinstance(bounded, str | tuple | list):
        return _named_bound(bounded)
    try:
        made = bounded()
    except TypeError:
        made = None
    if not isinstance(made, nn.Module):
        raise InputError(
            'bounded must be True, the name of an activation such as "tanh", a module such as torch.nn.Tanh() or a '
            f"function without arguments that makes one, got {bounded!r}"
        )
    return bounded


def _named_bound(bounded: str | tuple | list) -> MakeBound:
    """Make the activation of this name, after a look whether it keeps values within [-1, 1]."""
    try:
        name, arguments = split_args(bounded)
        make: Callable[..., nn.Module] = _BOUNDS.get(str(name).lower()) or Act[name]
        largest = make(**arguments)(torch.tensor([-1e3, 1e3, 0.0, -1e3]).view(1, 4, 1)).abs().max().item()
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'bounded: MONAI makes no activation of {bounded!r}; give a name such as "tanh"') from error
    if not largest <= 1:
        raise InputError(
            f"bounded: {bounded!r} lets values of 1000 out as {largest:.4g}, it must keep them near [-1, 1]; give one "
            'of "tanh", "sigmoid", "hardtanh", "softsign"'
        )
    return lambda: make(**arguments)


@torch.no_grad()
def _instead(conv: _ConvNd, order: int, higher_order_scale: float, make_bound: MakeBound | None) -> nn.Module:
    bound = None if make_bound is None else make_bound()
    layer = OPERATIONAL[type(conv)](**geometry(conv), order=order, higher_order_scale=higher_order_scale, bound=bound)
    first_order = layer.split_weight()[0]
    first_order.copy_(conv.weight.view_as(first_order))
    if conv.bias is not None:
        layer.bias.copy_(conv.bias)
    copy_settings(conv, layer)
    return layer


@torch.no_grad()
def _beside(conv: _ConvNd, order: int, higher_order_scale: float, make_bound: MakeBound | None) -> nn.Module:
    arguments = {**geometry(conv), "bias": False}
    layer = OPERATIONAL[type(conv)](**arguments, order=order, higher_order_scale=higher_order_scale)
    layer.split_weight()[0].zero_()
    copy_settings(conv, layer, frozen=False)
    return ParallelOperational(conv, nn.Identity() if make_bound is None else make_bound(), layer)

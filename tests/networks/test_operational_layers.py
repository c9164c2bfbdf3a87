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

import pytest
import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

import monai_r2c.networks.layers as layers
from monai_r2c.networks.layers import expand_powers

PLAIN = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
PLAIN_TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
SIZES = {1: (9,), 2: (7, 6), 3: (5, 4, 5)}
PADDING_MODES = ["zeros", "reflect", "replicate", "circular"]
GEOMETRIES = {
    "padded": {"padding": 1},
    "strided": {"stride": 2, "padding": 1},
    "grouped": {"groups": 2},
    "dilated": {"dilation": 2, "padding": 2},
    "all": {"stride": 2, "padding": 2, "dilation": 2, "groups": 2},
}


def make(dim: int, transposed: bool = False, **arguments: Any) -> nn.Module:
    return Conv["operationaltrans" if transposed else "operational", dim](**arguments)


def separate(layer: nn.Module, dim: int, transposed: bool, **arguments: Any) -> nn.ModuleList:
    kind = (PLAIN_TRANSPOSED if transposed else PLAIN)[dim]
    return nn.ModuleList(kind(**arguments) for _ in range(layer.order)).to(layer.weight.dtype)


def joined(kernels: list[torch.Tensor], groups: int, transposed: bool) -> torch.Tensor:
    if not transposed:
        return torch.cat(kernels, dim=1)
    by_group = zip(*(kernel.chunk(groups) for kernel in kernels), strict=True)
    return torch.cat([torch.cat(powers) for powers in by_group])


def assert_equals_separate(
    dim: int, order: int, transposed: bool, call: dict[str, Any] | None = None, **arguments: Any
):
    arguments = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, **arguments}
    layer = make(dim, transposed, order=order, **arguments).double()
    convolutions = separate(layer, dim, transposed, **arguments)
    groups = arguments.get("groups", 1)
    with torch.no_grad():
        layer.weight.copy_(joined([conv.weight for conv in convolutions], groups, transposed))
        layer.bias.copy_(sum(conv.bias for conv in convolutions))
    x = torch.empty(2, 4, *SIZES[dim], dtype=torch.float64).uniform_(-1, 1).requires_grad_()
    twin = x.detach().clone().requires_grad_()

    result = layer(x, **(call or {}))
    expected = sum(conv(twin**power, **(call or {})) for power, conv in enumerate(convolutions, start=1))
    seed = torch.randn_like(expected)
    result.backward(seed)
    expected.backward(seed)

    torch.testing.assert_close(result, expected)
    torch.testing.assert_close(x.grad, twin.grad)
    torch.testing.assert_close(
        layer.weight.grad, joined([conv.weight.grad for conv in convolutions], groups, transposed)
    )
    for conv in convolutions:  # every one of the q biases has the gradient of the summed one
        torch.testing.assert_close(layer.bias.grad, conv.bias.grad)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_equals_separate_convolutions_of_every_power(dim, order, transposed):
    assert_equals_separate(dim, order, transposed)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_equals_separate_convolutions_with_geometry(dim, geometry, transposed):
    assert_equals_separate(dim, 3, transposed, **GEOMETRIES[geometry])


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_equals_separate_convolutions_with_padding_mode(dim, mode):
    assert_equals_separate(dim, 3, False, padding=1, padding_mode=mode)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_equals_separate_convolutions_with_same_padding(dim):
    assert_equals_separate(dim, 2, False, kernel_size=4, padding="same")


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_transposed_equals_separate_with_output_padding(dim):
    assert_equals_separate(dim, 3, True, stride=2, padding=1, output_padding=1)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_transposed_equals_separate_with_output_size(dim):
    size = [2 * length for length in SIZES[dim]]
    assert_equals_separate(dim, 3, True, call={"output_size": size}, stride=2, padding=1)


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_gradcheck(dim, mode):
    layer = make(dim, in_channels=2, out_channels=1, kernel_size=2, padding=1, groups=1, padding_mode=mode, order=3)
    _gradcheck(layer, dim)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_gradcheck_grouped_and_strided(dim):
    _gradcheck(make(dim, in_channels=2, out_channels=2, kernel_size=2, groups=2, stride=2, padding=1, order=3), dim)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_gradcheck_transposed(dim, groups):
    layer = make(
        dim, True, in_channels=2, out_channels=2, kernel_size=2, stride=2, output_padding=1, groups=groups, order=3
    )
    _gradcheck(layer, dim)


def _gradcheck(layer: nn.Module, dim: int) -> None:
    layer.double()
    x = torch.empty(1, 2, *[3] * dim, dtype=torch.float64).uniform_(-1, 1).requires_grad_()

    def function(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(function, (x, layer.weight, layer.bias))


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
@pytest.mark.parametrize("groups", [1, 2])
def test_kernels_by_power_are_those_of_each_power(transposed, groups):
    arguments = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "groups": groups}
    layer = make(2, transposed, order=3, **arguments)
    convolutions = separate(layer, 2, transposed, **arguments)
    with torch.no_grad():
        layer.weight.copy_(joined([conv.weight for conv in convolutions], groups, transposed))
    assert torch.equal(layer.kernels_by_power(), torch.stack([conv.weight for conv in convolutions]))


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_initial_kernels_fill_the_bounds_of_one_convolution_times_the_scale(transposed, groups, scale):
    layer = make(
        2, transposed, in_channels=16, out_channels=16, kernel_size=3, groups=groups, order=3, higher_order_scale=scale
    )
    bound = (16 // groups * 9) ** -0.5  # torch's for one convolution: 1 / sqrt(fan in)
    first, *higher = layer.kernels_by_power().abs().amax(dim=tuple(range(1, 5))).tolist()
    assert 0.95 * bound < first <= bound
    for largest in higher:
        assert 0.95 * bound * scale <= largest <= bound * scale
    assert layer.bias.abs().max() <= bound


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_scale_higher_orders_leaves_the_first_order(transposed, groups):
    layer = make(2, transposed, in_channels=2, out_channels=2, kernel_size=3, groups=groups, order=3)
    before = layer.kernels_by_power().detach().clone()
    layer.scale_higher_orders(0.5)
    expected = before * torch.tensor([1.0, 0.5, 0.5]).view(3, 1, 1, 1, 1)
    assert torch.equal(layer.kernels_by_power(), expected)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_registered_in_the_factory_of_monai(dim):
    assert Conv["operational", dim] is getattr(layers, f"OperationalConv{dim}d")
    assert Conv["operationaltrans", dim] is getattr(layers, f"OperationalConvTranspose{dim}d")
    assert Conv[Conv.OPERATIONAL, dim] is Conv["operational", dim]


@pytest.mark.parametrize("order", [0, -1, 1.5])
@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_order_that_is_no_positive_integer_is_refused(transposed, order):
    with pytest.raises(ValueError, match=f"order must be an integer of at least 1, got {order}"):
        make(2, transposed, in_channels=1, out_channels=1, kernel_size=1, order=order)


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_groups_that_do_not_divide_the_channels_are_refused_at_construction(transposed):
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        make(2, transposed, in_channels=3, out_channels=2, kernel_size=1, groups=2, order=2)


def test_attributes_are_those_of_the_plain_convolution():
    layer = make(2, in_channels=3, out_channels=5, kernel_size=3, order=4)
    assert (layer.in_channels, layer.out_channels, layer.order) == (3, 5, 4)
    assert repr(layer) == "OperationalConv2d(3, 5, kernel_size=(3, 3), stride=(1, 1), order=4)"


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_unbatched_input_is_one_item_of_a_batch(dim, transposed):
    layer = make(dim, transposed, in_channels=2, out_channels=2, kernel_size=3, groups=2, order=3)
    x = torch.rand(2, *SIZES[dim])
    torch.testing.assert_close(layer(x), layer(x[None])[0])


@pytest.mark.parametrize("groups", [1, 2])
def test_expand_powers_goes_group_by_group(groups):
    x = torch.tensor([2.0, 3.0]).view(1, 2, 1)
    expected = {1: [2.0, 3.0, 4.0, 9.0, 8.0, 27.0], 2: [2.0, 4.0, 8.0, 3.0, 9.0, 27.0]}
    assert expand_powers(x, 3, groups).flatten().tolist() == expected[groups]
    assert expand_powers(x[0], 3, groups, channel_dim=0).flatten().tolist() == expected[groups]

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

from itertools import pairwise
from typing import Any

import pytest
import torch
from monai.networks.blocks import Convolution
from torch.nn.utils import parameters_to_vector

from monai_r2c.networks.blocks import OperationalConvolution
from monai_r2c.networks.layers import OperationalConv3d, OperationalConvTranspose2d

ARGUMENTS = {
    "defaults": {},
    "strided": {"strides": 2, "kernel_size": 5},
    "anisotropic": {"strides": (2, 1, 1), "kernel_size": (3, 1, 5)},
    "dilated and grouped": {"dilation": 2, "groups": 2, "bias": False},
    "padded by hand": {"padding": 0},
    "transposed": {"is_transposed": True, "strides": 2},
    "transposed by hand": {"is_transposed": True, "strides": 2, "kernel_size": 4, "padding": 1, "output_padding": 0},
    "convolution only": {"conv_only": True},
    "no adn": {"act": None, "norm": None},
    "ordered adn": {
        "adn_ordering": "DAN",
        "act": ("leakyrelu", {"negative_slope": 0.2}),
        "norm": "batch",
        "dropout": 0.5,
    },
}


def arguments_for(name: str, dim: int) -> dict[str, Any]:
    sizes = {
        key: value[:dim]
        for key, value in ARGUMENTS[name].items()
        if key in ("strides", "kernel_size") and isinstance(value, tuple)
    }
    return {**ARGUMENTS[name], **sizes}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_order_one_equals_the_twin_of_monai(name):
    plain = Convolution(2, 4, 6, **arguments_for(name, 2)).eval()
    operational = OperationalConvolution(2, 4, 6, **arguments_for(name, 2), order=1).eval()
    operational.load_state_dict(plain.state_dict())
    x = torch.rand(2, 4, 9, 8)
    assert torch.equal(operational(x), plain(x))
    assert [key for key, _ in operational.named_modules()] == [key for key, _ in plain.named_modules()]


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_higher_orders_are_added_before_the_adn(dim, name):
    arguments = arguments_for(name, dim)
    block = OperationalConvolution(dim, 4, 6, **arguments, order=2).eval()
    x = torch.empty(2, 4, *[9, 8, 7][:dim]).uniform_(-1, 1)
    first, second = (Convolution(dim, 4, 6, **{**arguments, "conv_only": True}) for _ in range(2))
    with torch.no_grad():
        for twin, kernel in zip((first, second), block.conv.kernels_by_power(), strict=True):
            twin.conv.weight.copy_(kernel)
            if twin.conv.bias is not None:
                twin.conv.bias.copy_(block.conv.bias / 2)
    expected = first(x) + second(x * x)
    if hasattr(block, "adn"):
        expected = block.adn(expected)
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-5)


def test_layers_are_operational_and_named_as_in_the_twin():
    assert isinstance(OperationalConvolution(3, 1, 2).conv, OperationalConv3d)
    assert isinstance(OperationalConvolution(2, 1, 2, is_transposed=True).conv, OperationalConvTranspose2d)
    assert isinstance(OperationalConvolution(2, 1, 2), Convolution)
    assert list(dict(OperationalConvolution(2, 1, 2, adn_ordering="AND", dropout=0.1).adn.named_children())) == list(
        "AND"
    )
    assert not hasattr(OperationalConvolution(2, 1, 2, conv_only=True), "adn")


def test_parameters_grow_by_one_kernel_an_order():
    sizes = [
        parameters_to_vector(OperationalConvolution(2, 3, 4, norm=None, act=None, order=order).parameters()).numel()
        for order in (1, 2, 3)
    ]
    assert [larger - smaller for smaller, larger in pairwise(sizes)] == [4 * 3 * 9] * 2


def test_higher_order_scale_of_zero_starts_as_a_plain_convolution():
    kernels = OperationalConvolution(2, 3, 4, order=3, higher_order_scale=0.0).conv.kernels_by_power()
    assert kernels[0].abs().min() > 0
    assert kernels[1:].abs().max() == 0


def test_order_below_one_is_refused():
    with pytest.raises(ValueError, match="order must be an integer of at least 1, got 0"):
        OperationalConvolution(2, 1, 1, order=0)


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "transposed"])
def test_scripted_block_gives_the_same(transposed):
    block = OperationalConvolution(3, 2, 4, strides=2, act="tanh", is_transposed=transposed).eval()
    x = torch.rand(1, 2, 6, 6, 6)
    torch.testing.assert_close(torch.jit.script(block)(x), block(x))

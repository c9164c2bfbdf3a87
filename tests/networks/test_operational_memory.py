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

"""What the operational layers promise about memory and memory format, and that it changes no result."""

from __future__ import annotations

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from monai_r2c.networks.layers import OperationalConv2d, OperationalConvTranspose2d, expand_powers, operational_function
from monai_r2c.networks.layers.edges import Edges

MODES = ("zeros", "reflect", "replicate", "circular")


def kept_bytes(layer: torch.nn.Module, x: torch.Tensor) -> int:
    """Bytes that autograd keeps for the backward pass of `layer`, but for its parameters."""
    parameters = {p.data_ptr() for p in layer.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in parameters:
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        layer(x)
    return sum(kept.values())


def plain_formula(layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The sum over i of the convolution of x^i, one power at a time."""
    padding, mode = layer.padding, layer.padding_mode
    if mode != "zeros":
        x, padding = F.pad(x, layer._reversed_padding_repeated_twice, mode=mode), 0
    y = 0.0 if layer.bias is None else layer.bias[:, None, None]
    for power, kernel in enumerate(layer.kernels_by_power(), start=1):
        y = y + F.conv2d(x**power, kernel, None, layer.stride, padding, layer.dilation, layer.groups)
    return y


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels_last", [False, True])
def test_layer_of_order_three_keeps_what_a_convolution_keeps(mode, channels_last):
    arguments = {"kernel_size": 3, "padding": 1, "padding_mode": mode}
    x = torch.rand(2, 8, 32, 32, requires_grad=True)
    if channels_last:
        x = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    operational = kept_bytes(OperationalConv2d(8, 8, order=3, **arguments), x)
    assert operational == x.numel() * 4
    assert operational <= 1.05 * kept_bytes(torch.nn.Conv2d(8, 8, **arguments), x)


def test_transposed_layer_keeps_its_input_alone():
    x = torch.rand(2, 8, 16, 16, requires_grad=True)
    assert kept_bytes(OperationalConvTranspose2d(8, 4, 3, stride=2, order=3), x) == x.numel() * 4


@pytest.mark.parametrize(("mode", "groups", "channels_last"), product(MODES, (1, 2), (False, True)))
def test_outputs_and_gradients_equal_the_plain_formula(mode, groups, channels_last):
    torch.manual_seed(0)
    layer = OperationalConv2d(4, 6, (3, 5), stride=(2, 1), padding=(1, 2), padding_mode=mode, groups=groups).double()
    x = torch.empty(2, 4, 9, 8, dtype=torch.float64).uniform_(-1, 1)
    if channels_last:
        x, layer = x.to(memory_format=torch.channels_last), layer.to(memory_format=torch.channels_last)
    results = []
    for function in (layer, lambda image: plain_formula(layer, image)):
        image = x.clone().requires_grad_()
        y = function(image)
        results.append((y, *torch.autograd.grad(y.square().sum(), (image, layer.weight, layer.bias))))
    for found, expected in zip(*results):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("transposed", [False, True])
def test_first_and_second_derivatives_pass_gradcheck(mode, transposed):
    torch.manual_seed(0)
    layer = (
        OperationalConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1)
        if transposed
        else OperationalConv2d(2, 2, 3, padding=1, padding_mode=mode)
    ).double()
    x = torch.empty(1, 2, 4, 4, dtype=torch.float64).uniform_(-1, 1).requires_grad_()

    def call(image, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (image,))

    inputs = (x, *(p.detach().clone().requires_grad_() for p in (layer.weight, layer.bias)))
    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": 1, "padding_mode": mode, "stride": stride} for mode, stride in product(MODES, (1, 2))
    ]
    + [{"padding": "same", "dilation": 2}, {"groups": 2}, {"padding": (4, 0), "padding_mode": "replicate"}],
)  # fmt: skip
@pytest.mark.parametrize("batch", [1, 2])
def test_strips_give_what_the_whole_image_gives(arguments, batch, monkeypatch):
    torch.manual_seed(0)
    layer = OperationalConv2d(4, 6, (4, 3) if arguments.get("padding") == "same" else 3, **arguments).double()
    x = torch.empty(batch, 4, 61, 7, dtype=torch.float64).uniform_(-1, 1)
    for image in (x, x.to(memory_format=torch.channels_last)):
        whole = layer(image).detach()
        monkeypatch.setattr(operational_function, "_CPU_STRIP_BYTES", 1)
        with torch.no_grad():
            in_strips = layer(image)
        monkeypatch.undo()
        torch.testing.assert_close(in_strips, whole)
        assert in_strips.is_contiguous(memory_format=torch.channels_last) == (image is not x)


@pytest.mark.parametrize("arguments", [{"padding": 1, "output_padding": 1}, {"dilation": 2, "groups": 2}])
def test_strips_of_a_transposed_layer_give_what_the_whole_image_gives(arguments, monkeypatch):
    torch.manual_seed(0)
    layer = OperationalConvTranspose2d(4, 6, 3, stride=2, **arguments).double()
    x = torch.empty(2, 4, 61, 7, dtype=torch.float64).uniform_(-1, 1)
    whole = layer(x).detach()
    monkeypatch.setattr(operational_function, "_CPU_STRIP_BYTES", 1)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), whole)


def test_images_without_batch_go_through():
    layer, x = OperationalConv2d(2, 3, 3, padding=1), torch.rand(2, 5, 5)
    assert torch.equal(layer(x), layer(x[None])[0])


def test_forward_mode_and_vmap_use_the_plain_formula():
    layer, x = OperationalConv2d(2, 3, 3, padding=1).double(), torch.rand(4, 1, 2, 5, 5, dtype=torch.float64)
    assert torch.allclose(torch.func.vmap(layer)(x)[2], layer(x[2]))
    _, tangent = torch.func.jvp(layer, (x[0],), (x[1],))
    step = 1e-6
    difference = (layer(x[0] + step * x[1]) - layer(x[0] - step * x[1])) / (2 * step)
    torch.testing.assert_close(tangent, difference, atol=1e-6, rtol=1e-5)


def test_autocast_computes_powers_and_convolution_in_bf16():
    layer, x = OperationalConv2d(2, 3, 3, padding=1), torch.rand(1, 2, 8, 8) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    assert layer.weight.grad.dtype == torch.float32
    torch.testing.assert_close(y.float(), layer(x), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_edges_are_filled_as_torch_pads(mode):
    edges = Edges((2, 1), (1, 3), mode)
    x = torch.rand(2, 3, 5, 6)
    padded = torch.full((2, 3, *edges.around((5, 6))), 7.0)
    edges.interior(padded).copy_(x)
    edges.fill(padded)
    assert torch.equal(padded, F.pad(x, (1, 3, 2, 1), mode=mode))
    assert torch.equal(padded, edges.pad(x))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_folding_is_the_gradient_of_padding(mode):
    edges = Edges((2, 1), (1, 3), mode)
    x = torch.rand(2, 3, 5, 6, requires_grad=True)
    gradient = torch.rand(2, 3, *edges.around((5, 6)))
    (expected,) = torch.autograd.grad(edges.pad(x), x, gradient)
    edges.fold(gradient)
    torch.testing.assert_close(edges.interior(gradient), expected)


def test_reflecting_more_than_there_is_gives_an_error():
    with pytest.raises(ValueError, match="reflect padding of \\[1, 3\\] does not fit"):
        OperationalConv2d(1, 1, (3, 7), padding=(1, 3), padding_mode="reflect")(torch.rand(1, 1, 4, 3))


def test_powers_group_by_group_fill_as_they_concatenate():
    x, none = torch.rand(2, 4, 3, 3), Edges.none(2)
    for groups in (1, 2):
        assert torch.equal(operational_function.fill_powers(x, 3, groups, none), expand_powers(x, 3, groups))

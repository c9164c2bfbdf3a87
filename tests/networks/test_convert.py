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
from pathlib import Path

import pytest
import torch
import torch.nn as nn
from monai.networks.blocks import Convolution, ResidualUnit
from monai.networks.nets import UNet
from monai.networks.nets.hovernet import _ResidualBlock as HoVerNetBlock
from torch.nn.utils import parametrizations, weight_norm

from monai_r2c.networks import from_operational, to_operational
from monai_r2c.networks.layers import (
    OperationalConv2d,
    OperationalConv3d,
    OperationalConvTranspose2d,
    OperationalConvTranspose3d,
)
from monai_r2c.utils import InputError

EVERY_KIND = [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]


def operational_names(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if hasattr(module, "kernels_by_power")]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_layer_keeps_its_weights_geometry_and_function(kind, groups):
    conv = kind(4, 6, kernel_size=3, stride=2, padding=1, dilation=2, groups=groups)
    layer = to_operational(conv, 3, bounded=True)
    assert torch.equal(layer.kernels_by_power()[0], conv.weight)
    assert torch.equal(layer.bias, conv.bias)
    assert layer.kernels_by_power()[1:].abs().max() == 0
    x = torch.empty(2, 4, *[7] * (conv.weight.dim() - 2)).uniform_(-1, 1)
    torch.testing.assert_close(layer(x), conv(x), atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_layer_keeps_its_padding_mode(mode):
    conv = nn.Conv2d(2, 3, 3, padding="same", padding_mode=mode, bias=False)
    x = torch.empty(1, 2, 6, 5).uniform_(-1, 1)
    layer = to_operational(conv, 2, bounded=True)
    assert layer.bias is None
    torch.testing.assert_close(layer(x), conv(x), atol=1e-6, rtol=0)


def test_original_is_untouched_unless_converted_in_place():
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    assert type(to_operational(network, 2, bounded=True)[0]) is OperationalConv2d
    assert type(network[0]) is nn.Conv2d
    assert to_operational(network, 2, bounded=True, inplace=True) is network
    assert type(network[0]) is OperationalConv2d


def test_higher_order_scale_draws_the_higher_kernels_and_keeps_the_first():
    conv = nn.Conv2d(8, 8, 3)
    kernels = to_operational(conv, 3, bounded=True, higher_order_scale=0.1).kernels_by_power()
    assert torch.equal(kernels[0], conv.weight)
    bound = 0.1 / (8 * 9) ** 0.5
    for kernel in kernels[1:]:
        assert 0.9 * bound < kernel.abs().max() <= bound


def test_settings_of_a_layer_stay():
    conv = nn.Conv2d(4, 4, 3, dtype=torch.float64).eval().to(memory_format=torch.channels_last)
    conv.weight.requires_grad_(False)
    layer = to_operational(conv, 3, bounded=True)
    assert layer.weight.dtype == torch.float64
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert (layer.weight.requires_grad, layer.bias.requires_grad) == (False, True)
    assert not any(module.training for module in to_operational(conv, 3, bounded="tanh").modules())


def test_weights_follow_the_device():
    assert to_operational(nn.Conv2d(1, 1, 1, device="meta"), 2, bounded=True).weight.is_meta


@pytest.mark.parametrize("bounded", [None, False])
def test_unbounded_inputs_are_refused_above_order_one(bounded):
    with pytest.raises(InputError, match=r"order 3 raises each layer's input to the power 3, .* bounded=\"tanh\""):
        to_operational(nn.Conv2d(1, 1, 1), 3, bounded=bounded)
    assert to_operational(nn.Conv2d(1, 1, 1), 1).order == 1


@pytest.mark.parametrize("order", [0, -1, 1.5, True, "3"])
def test_order_that_is_no_positive_integer_is_refused(order):
    with pytest.raises(InputError, match="order must be an integer of at least 1"):
        to_operational(nn.Conv2d(1, 1, 1), order, bounded=True)


@pytest.mark.parametrize(
    "bounded", ["tanh", nn.Tanh(), nn.Tanh, lambda: nn.Tanh()], ids=["name", "module", "type", "maker"]
)
def test_bound_is_put_before_each_layer(bounded):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.ConvTranspose2d(2, 1, 3))
    converted = to_operational(network, 3, bounded=bounded)
    x = 100 * torch.randn(2, 1, 5, 5)
    hidden = network[0](torch.tanh(x))
    torch.testing.assert_close(converted(x), network[2](torch.tanh(network[1](hidden))))
    assert operational_names(converted) == ["0", "2"]
    assert converted[0].bound is not converted[2].bound


@pytest.mark.parametrize(
    ("bounded", "message"),
    [
        ("relu", "bounded: 'relu' lets values of 1000 out as 1000, it must keep them near"),
        (("leakyrelu", {"negative_slope": 0.1}), "lets values of 1000 out as 1000"),
        ("tan", "MONAI makes no activation of 'tan'"),
        (("tanh", {"slope": 1}), "MONAI makes no activation of"),
        (torch.tanh, "or a function without arguments that makes one, got <built-in method tanh"),
        (1, "the name of an activation .* got 1"),
    ],
)
def test_what_is_no_bound_is_refused(bounded, message):
    with pytest.raises(InputError, match=message):
        to_operational(nn.Conv2d(1, 1, 1), 3, bounded=bounded)


@pytest.mark.parametrize(
    ("bounded", "kind"),
    [
        ("tanh", nn.Tanh),
        ("sigmoid", nn.Sigmoid),
        ("softsign", nn.Softsign),
        ("hardtanh", nn.Hardtanh),
        (("hardtanh", {"min_val": -0.5}), nn.Hardtanh),
        (("softmax", {"dim": 1}), nn.Softmax),
    ],
)
def test_bound_is_named_as_in_the_factory_of_monai(bounded, kind):
    assert type(to_operational(nn.Conv2d(1, 1, 1), 3, bounded=bounded).bound) is kind


@pytest.mark.parametrize("parallel", [False, True])
def test_attributes_of_a_bounded_layer_are_those_of_the_convolution(parallel):
    conv = nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1)
    layer = to_operational(conv, 3, bounded="tanh", parallel=parallel)
    for name in ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups"):
        assert getattr(layer, name) == getattr(conv, name)
    with pytest.raises(AttributeError, match="strides"):
        _ = layer.strides


def test_names_in_the_state_dict_stay_and_those_of_a_bound_before_the_layer_load():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 1, 3))
    converted = to_operational(network, 3, bounded="tanh", higher_order_scale=1.0)
    assert list(converted.state_dict()) == list(network.state_dict())
    before = {f"{name[:2]}conv{name[1:]}": value for name, value in converted.state_dict().items()}
    assert list(before)[:2] == ["0.conv.weight", "0.conv.bias"]
    other = to_operational(network, 3, bounded="tanh")
    other.load_state_dict(before)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in converted.state_dict().items())


@pytest.mark.parametrize("parallel", [False, True])
def test_block_of_hovernet_converts_though_it_reads_the_stride_of_its_layer(parallel):
    block = HoVerNetBlock(layers=2, num_features=4, in_channels=8, out_channels=16).eval()
    x = torch.rand(1, 8, 15, 15)
    converted = to_operational(block, 3, bounded="tanh", parallel=parallel)
    assert converted.shortcut.stride == (2, 2)
    assert converted(x).shape == block(x).shape
    assert torch.equal(converted(x), block(x)) == parallel


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_parallel_layer_starts_as_the_convolution_to_the_last_bit_for_unbounded_input(kind, groups):
    conv = kind(4, 6, kernel_size=3, stride=2, padding=1, groups=groups)
    x = 100 * torch.randn(2, 4, *[7] * (conv.weight.dim() - 2))
    converted = to_operational(conv, 3, bounded="tanh", parallel=True)
    assert torch.equal(converted(x), conv(x))
    converted(x).square().sum().backward()
    assert converted.operational.weight.grad.abs().min() > 0


def test_parallel_layer_adds_the_powers_of_the_bounded_input():
    conv = nn.Conv2d(1, 1, 1)
    layer = to_operational(conv, 3, bounded="tanh", parallel=True, higher_order_scale=1.0)
    first, second, third = layer.operational.weight.flatten().tolist()
    x = torch.randn(1, 1, 4, 4)
    torch.testing.assert_close(layer(x), conv(x) + second * x.tanh() ** 2 + third * x.tanh() ** 3)
    assert first == 0


def test_parallel_layer_learns_beside_a_frozen_convolution():
    conv = nn.Conv2d(1, 1, 1).requires_grad_(False)
    layer = to_operational(conv, 3, bounded="tanh", parallel=True)
    assert [name for name, parameter in layer.named_parameters() if parameter.requires_grad] == ["operational.weight"]


def test_second_call_leaves_parallel_layers_as_they_are():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3))
    once = to_operational(network, 3, bounded="tanh", parallel=True, include="0")
    twice = to_operational(once, 2, bounded=True)
    assert operational_names(twice) == ["0.operational", "1"]
    assert type(twice[0].conv) is nn.Conv2d


def test_second_call_leaves_operational_layers_as_they_are():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3))
    once = to_operational(network, 3, bounded=True, include="0")
    twice = to_operational(once, 2, bounded="tanh")
    assert (twice[0].order, twice[1].order) == (3, 2)
    with pytest.raises(InputError, match="Sequential has no layer to convert"):
        to_operational(twice, 5, bounded=True)


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (None, None, ["model.0.conv", "model.1.submodule.conv", "model.2.conv"]),
        ("model.0.*", None, ["model.0.conv"]),
        ("model.0", None, ["model.0.conv"]),
        (["model.?.conv"], None, ["model.0.conv", "model.2.conv"]),
        (nn.ConvTranspose3d, None, ["model.2.conv"]),
        (None, nn.ConvTranspose3d, ["model.0.conv", "model.1.submodule.conv"]),
        (None, ["model.0", nn.ConvTranspose3d], ["model.1.submodule.conv"]),
        (UNet, "model.1*", ["model.0.conv", "model.2.conv"]),
    ],
)
def test_layers_are_selected_by_name_and_type(include, exclude, expected):
    unet = UNet(3, 1, 2, channels=(2, 4), strides=(2,))
    converted = to_operational(unet, 2, bounded=True, include=include, exclude=exclude)
    assert operational_names(converted) == expected


def test_type_of_a_holder_selects_what_it_holds():
    network = nn.ModuleDict({"unit": ResidualUnit(2, 1, 2), "block": Convolution(2, 1, 2)})
    assert operational_names(to_operational(network, 2, bounded=True, exclude=ResidualUnit)) == ["block.conv"]


@pytest.mark.parametrize("argument", ["include", "exclude"])
@pytest.mark.parametrize("pattern", ["decoder.*", nn.Conv1d])
def test_pattern_that_fits_nothing_is_refused(argument, pattern):
    network = nn.Sequential(nn.Conv2d(1, 1, 1))
    with pytest.raises(InputError, match=f"{argument}: no layer to convert fits .*; the layers are 0"):
        to_operational(network, 2, bounded=True, **{argument: pattern})


def test_network_without_convolutions_is_refused():
    with pytest.raises(InputError, match="Linear has no layer to convert"):
        to_operational(nn.Linear(1, 1), 2, bounded=True)


def test_layer_used_twice_stays_one_layer():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    converted = to_operational(nn.Sequential(conv, nn.Tanh(), conv), 3, bounded=True)
    assert converted[0] is converted[2]
    assert len(list(converted.parameters())) == 2


def test_block_used_twice_stays_one_block():
    block = Convolution(2, 2, 2)
    converted = to_operational(nn.ModuleDict({"a": block, "b": nn.Sequential(block)}), 3, bounded="tanh")
    assert converted["a"] is converted["b"][0]
    assert operational_names(converted) == ["a.conv"]


class _FlippedConv(nn.Conv2d):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(input.flip(-1))


def _tied() -> nn.Module:
    network = nn.ModuleList([nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)])
    network[1].weight = network[0].weight
    return network


def _hooked() -> nn.Module:
    conv = nn.Conv2d(1, 1, 3)
    conv.register_forward_hook(lambda module, arguments, output: output + 1)
    return nn.ModuleList([conv])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: nn.Sequential(_FlippedConv(1, 1, 3)), r"'0' \(_FlippedConv\) .* subclass, .* exclude"),
        (lambda: nn.Sequential(nn.LazyConv2d(1, 3)), r"'0' \(LazyConv2d\) .* pass one batch through the network first"),
        (lambda: nn.Sequential(parametrizations.weight_norm(nn.Conv2d(1, 1, 3))), "weight is computed from others"),
        (lambda: nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(2, 2, 3))), "weight is computed from others"),
        (lambda: nn.Sequential(weight_norm(nn.Conv2d(1, 1, 3))), "weight is computed from others"),
        (lambda: nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(2, 2, 3))), "weight is computed from others"),
        (_tied, "'0' .* shared with another module"),
        (_hooked, "'0' .* has hooks"),
    ],
    ids=["subclass", "lazy", "weight_norm", "spectral_norm", "old weight_norm", "old spectral_norm", "tied", "hooked"],
)
def test_layer_that_cannot_be_converted_is_refused_by_name_and_nothing_is_changed(make, reason):
    network = nn.Sequential(nn.Conv2d(1, 1, 1), *make())
    reason = reason.replace("'0'", "'1'")
    with pytest.raises(InputError, match=reason):
        to_operational(network, 2, bounded=True, inplace=True)
    assert type(network[0]) is nn.Conv2d


def test_excluded_subclass_is_left():
    network = nn.Sequential(nn.Conv2d(1, 1, 3), _FlippedConv(1, 1, 3))
    converted = to_operational(network, 2, bounded=True, exclude=_FlippedConv)
    assert [type(layer) for layer in converted] == [OperationalConv2d, _FlippedConv]


def test_lazy_layer_converts_after_its_first_batch():
    network = nn.Sequential(nn.LazyConv2d(2, 3))
    network(torch.rand(1, 3, 4, 4))
    assert to_operational(network, 2, bounded=True)[0].in_channels == 3


def test_converted_network_learns_on_from_the_trained_one():
    x = torch.linspace(-1, 1, 64).view(1, 1, -1)
    target = x**3 - 0.5 * x
    network = nn.Sequential(nn.Conv1d(1, 1, 1))
    losses = {}
    for name, candidate in {"plain": network, "operational": to_operational(network, 3, bounded=True)}.items():
        optimizer = torch.optim.Adam(candidate.parameters(), lr=0.05)
        for _ in range(400):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(candidate(x), target)
            loss.backward()
            optimizer.step()
        losses[name] = loss.item()
    assert losses["operational"] < 1e-4 < losses["plain"]


def test_distributed_data_parallel_gives_the_same_gradients(tmp_path: Path):
    network = to_operational(UNet(2, 1, 2, channels=(2, 4), strides=(2,)), 3, bounded="tanh", parallel=True)
    x = torch.rand(2, 1, 8, 8)
    network(x).square().sum().backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        nn.parallel.DistributedDataParallel(network)(x).square().sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_there_and_back_is_the_same_network():
    unet = UNet(2, 1, 2, channels=(2, 4), strides=(2,), num_res_units=1).eval()
    back = from_operational(to_operational(unet, 3, bounded=True))
    assert repr(back) == repr(unet)
    for name, parameter in unet.named_parameters():
        assert torch.equal(back.get_parameter(name), parameter)


def test_state_dict_and_deepcopy_carry_a_converted_network_over():
    unet = UNet(3, 1, 2, channels=(2, 4), strides=(2,))
    converted = to_operational(unet, 3, bounded="tanh", higher_order_scale=1.0).eval()
    other = to_operational(UNet(3, 1, 2, channels=(2, 4), strides=(2,)), 3, bounded="tanh").eval()
    other.load_state_dict(converted.state_dict())
    x = torch.randn(1, 1, 8, 8, 8)
    assert torch.equal(other(x), converted(x))
    assert torch.equal(copy.deepcopy(converted)(x), converted(x))
    assert isinstance(converted.model[0].conv, OperationalConv3d)
    assert isinstance(converted.model[2].conv, OperationalConvTranspose3d)


def test_transposed_layer_keeps_its_output_padding():
    conv = nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1)
    layer = to_operational(conv, 2, bounded=True)
    assert type(layer) is OperationalConvTranspose2d
    assert layer(torch.rand(1, 2, 4, 4)).shape == (1, 2, 8, 8)

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
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn as nn
from monai.networks import nets
from monai.networks.blocks import UnetrBasicBlock, UnetrUpBlock
from onnx_session import onnx_session

from monai_r2c.networks import OperationalConvolution, to_operational
from monai_r2c.networks.layers.powers import split_powers


class KLReconstruction(nn.Module):
    """The deterministic part of AutoencoderKL, whose forward draws from its latent space."""

    def __init__(self, **arguments) -> None:
        super().__init__()
        self.autoencoder = nets.AutoencoderKL(**arguments)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, sigma = self.autoencoder.encode(x)
        return self.autoencoder.decode(mean), sigma


class SwinUNETRConvolutions(nn.Module):
    """The convolutional encoder and decoder blocks that SwinUNETR puts around its transformer."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.encoder = UnetrBasicBlock(dim, 1, 4, 3, 1, "instance", res_block=True)
        self.down = UnetrBasicBlock(dim, 4, 8, 3, 2, "instance", res_block=True)
        self.decoder = UnetrUpBlock(dim, 8, 4, 3, 2, "instance", res_block=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.encoder(x)
        return self.decoder(self.down(skip), skip)


AUTOENCODER = {
    "num_res_blocks": (1, 1),
    "channels": (4, 4),
    "attention_levels": (False, False),
    "latent_channels": 2,
    "norm_num_groups": 2,
    "with_encoder_nonlocal_attn": False,
    "with_decoder_nonlocal_attn": False,
}

# name: network of `dim` dimensions, spatial size
NETWORKS: dict[str, tuple[Callable[[int], nn.Module], int]] = {
    "UNet": (lambda dim: nets.UNet(dim, 1, 2, channels=(4, 8), strides=(2,), num_res_units=1), 8),
    "SegResNet": (lambda dim: nets.SegResNet(dim, 8, 1, 2, blocks_down=(1, 1), blocks_up=(1,)), 8),
    "DenseNet": (lambda dim: nets.DenseNet(dim, 1, 2, init_features=4, growth_rate=4, block_config=(1, 1)), 16),
    "ResNet": (lambda dim: nets.ResNet("basic", [1] * 4, [4] * 4, dim, 1, num_classes=2), 32),
    "BasicUNet": (lambda dim: nets.BasicUNet(dim, 1, 2, features=(2, 2, 4, 4, 4, 2)), 32),
    "AttentionUnet": (lambda dim: nets.AttentionUnet(dim, 1, 2, channels=(4, 8), strides=(2,)), 8),
    "SwinUNETR's convolutions": (SwinUNETRConvolutions, 8),
    "PatchDiscriminator": (lambda dim: nets.PatchDiscriminator(dim, 4, 1, num_layers_d=1), 16),
    "AutoencoderKL": (lambda dim: KLReconstruction(spatial_dims=dim, in_channels=1, out_channels=1, **AUTOENCODER), 8),
    "DynUNet": (lambda dim: nets.DynUNet(dim, 1, 2, [3] * 3, [1, 2, 2], [2, 2], filters=[4] * 3), 16),
    "MedNeXt": (lambda dim: nets.MedNeXt(dim, 2, 1, 2, blocks_down=(1,), blocks_bottleneck=1, blocks_up=(1,)), 8),
}
UNSCRIPTABLE = {"AutoencoderKL", "MedNeXt"}  # MONAI's own do not script either

every_network = pytest.mark.parametrize("name", NETWORKS)


def make(name: str, dim: int) -> tuple[nn.Module, torch.Tensor]:
    network, size = NETWORKS[name]
    return network(dim).eval(), torch.empty(2, 1, *[size] * dim).uniform_(-1, 1)


def tensors(output: torch.Tensor | list | tuple) -> list[torch.Tensor]:
    return [output] if isinstance(output, torch.Tensor) else [tensor for part in output for tensor in tensors(part)]


def operational_network(name: str) -> tuple[nn.Module, torch.Tensor]:
    """A network whose higher orders are not zero, so that a lost power shows."""
    network, x = make(name, 3 if len(name) % 2 else 2)
    return to_operational(network, 3, bounded="tanh", higher_order_scale=1.0), x


@every_network
@pytest.mark.parametrize("dim", [2, 3])
def test_output_is_that_of_the_original_at_zero_higher_orders(name, dim):
    network, x = make(name, dim)
    converted = to_operational(network, 3, bounded=True)
    for result, expected in zip(tensors(converted(x)), tensors(network(x)), strict=True):
        assert result.shape == expected.shape
        torch.testing.assert_close(result, expected, atol=1e-6, rtol=1e-6)


@every_network
def test_output_is_that_of_the_original_to_the_last_bit_beside_its_convolutions(name):
    network, x = make(name, 2)
    converted = to_operational(network, 3, bounded="tanh", parallel=True)
    for result, expected in zip(tensors(converted(x)), tensors(network(x)), strict=True):
        assert torch.equal(result, expected)


@pytest.mark.parametrize("dim", [2, 3])
def test_densenet121_gives_the_output_of_the_original(dim):
    network = nets.DenseNet121(spatial_dims=dim, in_channels=1, out_channels=2, init_features=8, growth_rate=4).eval()
    x = torch.empty(1, 1, *[32] * dim).uniform_(-1, 1)
    torch.testing.assert_close(to_operational(network, 3, bounded=True)(x), network(x), atol=1e-6, rtol=1e-6)


@every_network
@pytest.mark.parametrize("dim", [2, 3])
def test_gradients_reach_every_power_of_every_layer(name, dim):
    network, x = make(name, dim)
    converted = to_operational(network, 3, bounded=True)
    sum((tensor**2).sum() for tensor in tensors(converted(x))).backward()
    layers = {name: layer for name, layer in converted.named_modules() if hasattr(layer, "kernels_by_power")}
    assert layers
    for layer_name, layer in layers.items():
        groups, dim = (layer.groups, 0) if layer.transposed else (1, 1)
        for power, gradient in enumerate(split_powers(layer.weight.grad, 3, groups, dim), start=1):
            assert gradient.abs().max() > 0, f"no gradient at power {power} of {layer_name}"


@every_network
def test_deepcopy_gives_the_same(name):
    network, x = operational_network(name)
    for result, expected in zip(tensors(copy.deepcopy(network)(x)), tensors(network(x)), strict=True):
        assert torch.equal(result, expected)


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - UNSCRIPTABLE))
def test_scripted_network_gives_the_same_after_saving(name):
    network, x = operational_network(name)
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(network), file)
    file.seek(0)
    for result, expected in zip(tensors(torch.jit.load(file)(x)), tensors(network(x)), strict=True):
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)


@every_network
def test_exported_network_gives_the_same_in_torch_and_in_onnxruntime(name, tmp_path: Path):
    network, x = operational_network(name)
    expected = tensors(network(x))
    exported = torch.export.export(network, (x,))
    for result, value in zip(tensors(exported.module()(x)), expected, strict=True):
        torch.testing.assert_close(result, value, atol=1e-5, rtol=1e-5)

    torch.onnx.export(exported, dynamo=True, verbose=False).save(tmp_path / "network.onnx")
    session = onnx_session(tmp_path / "network.onnx")
    results = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    for result, value in zip(results, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(result), value, atol=1e-4, rtol=1e-4)


def test_compiled_network_gives_the_same_and_the_same_gradients():
    network = nn.Sequential(
        OperationalConvolution(2, 1, 4, act="tanh"), OperationalConvolution(2, 4, 1, is_transposed=True)
    )
    x = torch.empty(2, 1, 8, 8).uniform_(-1, 1)
    compiled = torch.compile(copy.deepcopy(network), backend="aot_eager", fullgraph=True)
    results = {}
    for key, module in {"eager": network, "compiled": compiled}.items():
        output = module(x)
        output.square().mean().backward()
        results[key] = [output, *(parameter.grad for parameter in module.parameters())]
    for result, expected in zip(results["compiled"], results["eager"], strict=True):
        torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)

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

"""The networks against the published architecture, written out once more in calls of torch.nn.functional alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_r2c.networks import R2CDiscriminator, R2CGenerator

State = dict[str, Tensor]
VARIANTS = ("operational", "convolutional", "convolutional_light")
# even and odd lengths beside each other
SIZES = {1: (41,), 2: (18, 23), 3: (16, 9, 17)}
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


# ---- the published layers -------------------------------------------------------------------------------------------


def powers(x: Tensor, order: int) -> Tensor:
    """The operational layer is a convolution of (x, x^2, ..., x^order)."""
    return torch.cat([x**i for i in range(1, order + 1)], 1)


def same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding: outputs ceil(size / stride), the larger half of the zeros after."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv_same(x: Tensor, state: State, name: str, stride: int, order: int) -> Tensor:
    weight = state[f"{name}.weight"]
    pads = [pad for size in reversed(x.shape[2:]) for pad in same(size, weight.shape[-1], stride)]
    return CONV[x.dim() - 2](F.pad(powers(x, order), pads), weight, state.get(f"{name}.bias"), stride)


def conv_reflect(x: Tensor, state: State, name: str, padding: int, order: int) -> Tensor:
    x = F.pad(x, [padding] * 2 * (x.dim() - 2), mode="reflect")
    return CONV[x.dim() - 2](powers(x, order), state[f"{name}.weight"], state.get(f"{name}.bias"))


def conv_up(x: Tensor, state: State, name: str, size: tuple[int, ...], order: int) -> Tensor:
    """Transposed k3 s2: unpadded, then cropped by what SAME pads an image of that size; even sizes lose the end."""
    y = TRANSPOSED[x.dim() - 2](powers(x, order), state[f"{name}.weight"], state.get(f"{name}.bias"), 2)
    for dim, length in enumerate(size, 2):
        y = y.narrow(dim, same(length, 3, 2)[0], length)
    return y


def norm(x: Tensor, state: State, name: str) -> Tensor:
    return F.instance_norm(x, weight=state[f"{name}.weight"], bias=state[f"{name}.bias"], eps=1e-3)


# ---- the published networks -----------------------------------------------------------------------------------------


def residual_block(x: Tensor, state: State, name: str, order: int | None) -> Tensor:
    """Operational with tanh before either layer, plain (order None) with ReLU between; no activation after the sum."""
    if order is None:
        y = norm(conv_reflect(x, state, f"{name}.body.0", 1, 1), state, f"{name}.body.1")
        return x + norm(conv_reflect(F.relu(y), state, f"{name}.body.3", 1, 1), state, f"{name}.body.4")
    y = norm(conv_reflect(torch.tanh(x), state, f"{name}.body.1", 1, order), state, f"{name}.body.2")
    return x + norm(conv_reflect(torch.tanh(y), state, f"{name}.body.4", 1, order), state, f"{name}.body.5")


def class_logits(features: Tensor, state: State, pooling: str) -> Tensor:
    flat = features.flatten(2)
    pooled = {"max": [flat.amax(2)], "mean": [flat.mean(2)], "mean_max": [flat.mean(2), flat.amax(2)]}[pooling]
    return F.linear(torch.cat(pooled, 1), state["head.linear.weight"], state["head.linear.bias"])


def trunk(
    x: Tensor, state: State, order: int | None, blocks: int, head_block: int, features: str, pooling: str
) -> tuple[Tensor, Tensor]:
    """All residual blocks, each followed by a tanh if operational, and the logits of block `head_block` of them."""
    names = [f"trunk.{2 * i}" for i in range(head_block)] + [f"after_head.{2 * i}" for i in range(blocks - head_block)]
    logits = x
    for number, name in enumerate(names, 1):
        bare = residual_block(x, state, name, order)
        x = bare if order is None else torch.tanh(bare)
        if number == head_block:
            logits = class_logits(x if features == "activated" else bare, state, pooling)
    return x, logits


def light_generator(
    x: Tensor,
    state: State,
    order: int | None,
    blocks: int = 1,
    head_block: int = 1,
    features="activated",
    pooling="max",
) -> tuple[Tensor, Tensor]:
    """The operational generator, and with order None the convolutional-light one."""
    size = x.shape[2:]
    y = norm(conv_same(x, state, "down.0.1", 2, order or 1), state, "down.0.2")
    y = F.relu(y) if order is None else y
    y, logits = trunk(y, state, order, blocks, head_block, features, pooling)
    return torch.tanh(conv_up(y, state, "up.0.conv", size, order or 1)), logits


def deep_generator(
    x: Tensor, state: State, blocks: int = 9, head_block: int = 5, features="activated", pooling="max"
) -> tuple[Tensor, Tensor]:
    """The convolutional generator."""
    y = F.relu(norm(conv_reflect(x, state, "stem.0", 3, 1), state, "stem.1"))
    sizes = []
    for i in range(2):
        sizes.append(y.shape[2:])
        y = F.relu(norm(conv_same(y, state, f"down.{i}.1", 2, 1), state, f"down.{i}.2"))
    y, logits = trunk(y, state, None, blocks, head_block, features, pooling)
    for i in range(2):
        y = F.relu(norm(conv_up(y, state, f"up.{i}.conv", sizes[1 - i], 1), state, f"up.{i}.after.0"))
    return torch.tanh(conv_reflect(y, state, "to_image", 3, 1)), logits


def generator(x: Tensor, state: State, variant: str, order: int = 3, **options) -> tuple[Tensor, Tensor]:
    if variant == "convolutional":
        return deep_generator(x, state, **options)
    return light_generator(x, state, order if variant == "operational" else None, **options)


def discriminator(x: Tensor, state: State, variant: str, order: int = 3) -> Tensor:
    leaky = lambda y: F.leaky_relu(y, 0.2)  # noqa: E731
    if variant == "convolutional":
        y = leaky(conv_same(x, state, "layers.0.1", 2, 1))
        for i, stride in ((1, 2), (2, 2), (3, 1)):
            y = leaky(norm(conv_same(y, state, f"layers.{i}.1", stride, 1), state, f"layers.{i}.2"))
        return conv_same(y, state, "layers.4.1", 1, 1)
    order = order if variant == "operational" else 1
    y = leaky(conv_same(x, state, "layers.0.1", 2, order))
    y = leaky(norm(conv_same(y, state, "layers.1.1", 4, order), state, "layers.1.2"))
    y = conv_same(y, state, "layers.2.1", 1, order)
    return leaky(y) if variant == "operational" else y


# ---- comparison -----------------------------------------------------------------------------------------------------


def randomised(network: torch.nn.Module) -> torch.nn.Module:
    """The network in float64 with every weight, bias and norm's parameter random, so that each of them shows."""
    network.double()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=1.5 / math.sqrt(parameter[0].numel()))
            else:
                parameter.add_(torch.randn_like(parameter), alpha=0.4)
    return network


def images(spatial_dims: int, channels: int = 1) -> Tensor:
    return torch.rand(2, channels, *SIZES[spatial_dims], dtype=torch.float64) * 2 - 1


def assert_same(network: torch.nn.Module, reference: Callable[[Tensor, State], object], x: Tensor) -> None:
    """Values with and without gradients, and the gradients of a random projection by the image and every weight."""
    tuples = lambda value: value if isinstance(value, tuple) else (value,)  # noqa: E731
    close = {"rtol": 1e-8, "atol": 1e-9}
    state = {name: value.detach().clone().requires_grad_() for name, value in network.state_dict().items()}
    leaf, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, wanted = tuples(network(leaf)), tuples(reference(other, state))
    for output, expected in zip(found, wanted, strict=True):
        torch.testing.assert_close(output, expected, **close)
    with torch.no_grad():
        for output, expected in zip(tuples(network(x.clone())), wanted, strict=True):
            torch.testing.assert_close(output, expected, **close)
    directions = [torch.randn_like(output) for output in wanted]
    names = [name for name, _ in network.named_parameters()]
    by_network = torch.autograd.grad(found, (leaf, *network.parameters()), directions)
    by_reference = torch.autograd.grad(wanted, (other, *(state[name] for name in names)), directions)
    for name, gradient, expected in zip(("image", *names), by_network, by_reference, strict=True):
        torch.testing.assert_close(gradient, expected, msg=lambda text, name=name: f"{name}: {text}", **close)


@pytest.mark.parametrize("spatial_dims", [1, 2, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_generator_as_built_by_default_is_the_published_one(variant: str, spatial_dims: int) -> None:
    network = randomised(R2CGenerator(spatial_dims, 2, 3, variant=variant, features=3))
    assert_same(network, lambda x, state: generator(x, state, variant), images(spatial_dims, 2))


@pytest.mark.parametrize("spatial_dims", [1, 2, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_discriminator_as_built_by_default_is_the_published_one(variant: str, spatial_dims: int) -> None:
    network = randomised(R2CDiscriminator(spatial_dims, 2, variant=variant, features=3))
    assert_same(network, lambda x, state: discriminator(x, state, variant), images(spatial_dims, 2))


@pytest.mark.parametrize("variant", VARIANTS)
def test_channels_last_networks_are_the_published_ones(variant: str) -> None:
    x = images(2).to(memory_format=torch.channels_last)
    built = randomised(R2CGenerator(2, variant=variant, features=4)).to(memory_format=torch.channels_last)
    assert_same(built, lambda x, state: generator(x, state, variant), x)
    built = randomised(R2CDiscriminator(2, variant=variant, features=4)).to(memory_format=torch.channels_last)
    assert_same(built, lambda x, state: discriminator(x, state, variant), x)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_operational_networks_of_any_order_sum_that_many_powers(order: int) -> None:
    network = randomised(R2CGenerator(2, order=order, features=3))
    assert_same(network, lambda x, state: generator(x, state, "operational", order), images(2))
    network = randomised(R2CDiscriminator(2, order=order, features=3))
    assert_same(network, lambda x, state: discriminator(x, state, "operational", order), images(2))


@pytest.mark.parametrize("pooling", ["max", "mean", "mean_max"])
@pytest.mark.parametrize("features", ["activated", "preactivation"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_class_head_reads_the_block_and_pools_as_asked(variant: str, features: str, pooling: str) -> None:
    options = {"num_residual_blocks": 3, "class_block": 2, "class_features": features, "class_pooling": pooling}
    network = randomised(R2CGenerator(2, variant=variant, features=3, **options))
    reference = {"blocks": 3, "head_block": 2, "features": features, "pooling": pooling}
    assert_same(network, lambda x, state: generator(x, state, variant, **reference), images(2))


@pytest.mark.parametrize("size", [(12, 12), (12, 13), (13, 13), (14, 15)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_any_size_is_padded_and_cropped_as_tensorflow_does(variant: str, size: tuple[int, int]) -> None:
    network = randomised(R2CGenerator(2, variant=variant, features=2))
    x = torch.rand(1, 1, *size, dtype=torch.float64)
    assert_same(network, lambda x, state: generator(x, state, variant), x)


@pytest.mark.parametrize("scale", [None, 0.25])
@pytest.mark.parametrize("variant", VARIANTS)
def test_initial_weights_are_those_of_keras(variant: str, scale: float | None) -> None:
    options = {} if scale is None else {"higher_order_scale": scale}
    order = 3 if variant == "operational" else 1
    for network in (
        R2CGenerator(2, variant=variant, features=16, **options),
        R2CDiscriminator(2, variant=variant, features=16, **options),
    ):
        for name, value in network.state_dict().items():
            if value.dim() == 1:
                is_norm = name.endswith("weight")  # the only vectors that are not biases
                assert torch.equal(value, torch.ones_like(value) if is_norm else torch.zeros_like(value)), name
                continue
            transposed = name.startswith("up.")
            taps, powers_of = value[0, 0].numel(), value.chunk(1 if value.dim() == 2 else order, 0 if transposed else 1)
            limit = math.sqrt(6 / (taps * (powers_of[0].shape[0] + powers_of[0].shape[1])))
            for power, kernel in enumerate(powers_of):
                factor = 1.0 if power == 0 or scale is None else scale
                assert kernel.abs().max() <= limit * factor, name
                # uniform: the root of the mean square is limit / sqrt(3)
                spread = kernel.square().mean().sqrt().item() / (factor * limit / math.sqrt(3))
                assert spread == pytest.approx(1, abs=4 / math.sqrt(kernel.numel())), name

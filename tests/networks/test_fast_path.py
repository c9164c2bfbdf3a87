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

"""Whatever torch.nn.Conv2d and torch.nn.InstanceNorm2d can be put through, the layers and norms here can be too."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn as nn
import torch.nn.functional as F
from monai.data import MetaTensor
from onnx_session import onnx_session
from torch.utils.checkpoint import checkpoint

from monai_r2c.networks import R2CDiscriminator, R2CGenerator, to_device
from monai_r2c.networks.blocks import InstanceNorm
from monai_r2c.networks.layers import OperationalConv2d, OperationalConvTranspose2d, expand_powers

FAST: dict[str, Callable[[], nn.Module]] = {
    "zeros": lambda: OperationalConv2d(2, 3, 3, padding=1),
    "reflect": lambda: OperationalConv2d(2, 3, 3, padding=1, padding_mode="reflect"),
    "transposed": lambda: OperationalConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1),
    "norm": lambda: InstanceNorm(2),
}
every_fast = pytest.mark.parametrize("name", FAST)


def module_and_input(name: str, batch: int = 2) -> tuple[nn.Module, torch.Tensor]:
    module = FAST[name]().double().to(memory_format=torch.channels_last)
    x = torch.empty(batch, 2, 6, 5, dtype=torch.float64).uniform_(-1, 1)
    return module, x.to(memory_format=torch.channels_last)


@every_fast
def test_tangent_of_forward_mode_is_the_difference_quotient(name):
    module, x = module_and_input(name)
    direction, step = torch.rand_like(x), 1e-6
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(module(forward_ad.make_dual(x, direction))).tangent
    difference = (module(x + step * direction) - module(x - step * direction)) / (2 * step)
    torch.testing.assert_close(tangent, difference, atol=1e-7, rtol=1e-6)


@every_fast
def test_jacobian_of_all_rows_at_once_is_that_row_by_row(name):
    module, x = module_and_input(name, batch=1)

    def function(image: torch.Tensor) -> torch.Tensor:
        return module(image).flatten()[:4]

    rows = torch.autograd.functional.jacobian(function, x)
    torch.testing.assert_close(torch.autograd.functional.jacobian(function, x, vectorize=True), rows)


@every_fast
def test_gradients_of_single_images_by_vmap_are_those_one_by_one(name):
    module, x = module_and_input(name)

    def loss(parameters: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(module, parameters, (image[None],)).pow(3).sum()

    parameters = {key: value.detach() for key, value in module.named_parameters()}
    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, x)
    for key in parameters:
        expected = [torch.func.grad(loss)(parameters, image)[key] for image in x]
        torch.testing.assert_close(found[key], torch.stack(expected))


def test_layer_on_a_constant_within_vmap():
    layer, x = module_and_input("zeros")
    found = torch.func.vmap(lambda factor: factor * layer(x))(torch.tensor([1.0, 2.0], dtype=torch.float64))
    torch.testing.assert_close(found[1], 2 * layer(x))


@every_fast
@pytest.mark.parametrize("frozen", [("weight",), ("bias",), ("weight", "bias"), ("input",)])
def test_gradient_penalty_with_something_frozen_has_the_gradients_without(name, frozen):
    module, x = module_and_input(name)
    leaves = {"weight": module.weight, "bias": module.bias, "input": x}
    results = []
    for held in ((), frozen):
        for key, leaf in leaves.items():
            leaf.requires_grad_(key not in held)
        free = {key: leaf for key, leaf in leaves.items() if key not in frozen and key != "bias"}
        gradients = torch.autograd.grad(module(x).pow(3).sum(), list(free.values()), create_graph=True)
        penalty = sum(gradient.square().sum() for gradient in gradients)
        results.append(torch.autograd.grad(penalty, list(free.values())))
    torch.testing.assert_close(results[1], results[0])


@every_fast
@pytest.mark.parametrize("channels_last", [False, True])
def test_empty_batch_gives_an_empty_result_and_gradients_of_zero(name, channels_last):
    module, x = module_and_input(name)
    empty = x[:0].to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    result = module(empty.requires_grad_())
    result.sum().backward()
    with torch.no_grad():
        assert module(empty).shape == result.shape == (0, *module(x).shape[1:])
    assert empty.grad.shape == empty.shape
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in module.parameters())


def test_empty_batch_through_a_wide_layer_gives_gradients_of_zero():
    layer = OperationalConv2d(3, 128, 3, padding=1, padding_mode="reflect").to(memory_format=torch.channels_last)
    layer(torch.empty(0, 3, 8, 8).to(memory_format=torch.channels_last)).sum().backward()
    assert torch.equal(layer.weight.grad, torch.zeros_like(layer.weight))


@pytest.mark.parametrize("transposed", [False, True])
def test_complex_images_have_the_result_and_gradient_of_the_plain_formula(transposed):
    layer = module_and_input("transposed" if transposed else "zeros")[0].to(torch.complex128)
    x = torch.randn(2, 2, 5, 4, dtype=torch.complex128, requires_grad=True)
    powers = expand_powers(x, 3)
    if transposed:
        expected = F.conv_transpose2d(powers, layer.weight, layer.bias, 2, 1, 1)
    else:
        expected = F.conv2d(powers, layer.weight, layer.bias, padding=1)
    found = layer(x)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(y.abs().square().sum(), x)[0] for y in (found, expected)]
    torch.testing.assert_close(*gradients)


@every_fast
@pytest.mark.parametrize("gradient", [False, True])
def test_meta_data_travel_through_as_through_a_plain_convolution(name, gradient):
    module, x = module_and_input(name)
    image = MetaTensor(x, meta={"filename_or_obj": "case.png"}, applied_operations=[{"class": "Spacing"}])
    with torch.set_grad_enabled(gradient):
        result, plain = module(image), nn.Conv2d(2, 2, 3).double()(image)
        expected = module(x)
    assert type(result) is type(plain) is MetaTensor
    assert (result.meta, result.applied_operations) == (plain.meta, plain.applied_operations)
    assert result.meta["filename_or_obj"] == "case.png"
    assert torch.equal(result.as_tensor(), expected)


@pytest.mark.parametrize("variant", ["operational", "convolutional", "convolutional_light"])
def test_meta_data_travel_through_the_networks(variant):
    image = MetaTensor(torch.rand(1, 1, 16, 16), meta={"filename_or_obj": "case.png"})
    restored, _ = to_device(R2CGenerator(2, variant=variant, features=2), "cpu")(image)
    scores = R2CDiscriminator(2, variant=variant, features=2)(image)
    assert [y.meta["filename_or_obj"] for y in (restored, scores)] == ["case.png"] * 2


@every_fast
def test_symbolic_trace_gives_the_same(name):
    module, x = module_and_input(name)
    assert torch.equal(torch.fx.symbolic_trace(nn.Sequential(module))(x), module(x))


@pytest.mark.parametrize("variant", ["operational", "convolutional"])
def test_onnx_export_by_tracing_gives_the_same(variant):
    network, x = to_device(R2CGenerator(2, variant=variant, features=4).eval(), "cpu"), torch.rand(1, 1, 12, 16)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (x,), file, dynamo=False)
    session = onnx_session(file.getvalue())
    image, logits = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    expected = [output.detach().numpy() for output in network(x)]
    assert np.abs(image - expected[0]).max() < 1e-5
    assert np.abs(logits - expected[1]).max() < 1e-4


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("variant", ["operational", "convolutional_light"])
def test_activation_checkpointing_gives_the_same_gradients(variant, reentrant):
    network = to_device(R2CGenerator(2, variant=variant, features=8).double(), "cpu")
    x = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    gradients = []
    for part in (network.trunk, lambda h: checkpoint(network.trunk, h, use_reentrant=reentrant)):
        network.zero_grad()
        part(network.down(x)).pow(3).mean().backward()
        gradients.append([p.grad for p in network.parameters() if p.grad is not None])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("variant", ["operational", "convolutional", "convolutional_light"])
def test_output_that_a_forward_hook_sees_stays_as_it_was(variant):
    network = to_device(R2CGenerator(2, variant=variant, features=4), "cpu").eval()
    seen: list[tuple[str, torch.Tensor, torch.Tensor]] = []
    for name, module in network.named_modules():
        if not list(module.children()) and not isinstance(module, nn.Identity):
            module.register_forward_hook(lambda m, i, y, name=name: seen.append((name, y, y.clone())))
    with torch.no_grad():
        network(torch.rand(1, 1, 16, 16))
    assert len(seen) > 8
    assert [name for name, output, then in seen if not torch.equal(output, then)] == []


@pytest.mark.parametrize("variant", ["operational", "convolutional", "convolutional_light"])
@pytest.mark.parametrize("norm", [("instance", {"affine": True}), None])
def test_one_hook_alone_sees_what_stays_and_changes_nothing(variant, norm):
    network = R2CGenerator(2, variant=variant, features=2, norm=norm, num_residual_blocks=1).eval()
    image = torch.rand(1, 1, 8, 8)
    wanted = [tensor.detach() for tensor in network(image)]  # with gradients nothing is overwritten
    given, seen = image.clone(), []

    def keep(tensor):
        seen.extend((each, each.clone()) for each in (tensor if isinstance(tensor, tuple) else (tensor,)))

    for module in network.modules():
        for before in (True, False):
            register = module.register_forward_pre_hook if before else module.register_forward_hook
            with register(lambda m, x, *y: keep(y[0] if y else x[0])), torch.no_grad():
                torch.testing.assert_close(network(image), tuple(wanted), rtol=0, atol=0)
    assert len(seen) > 20
    assert all(torch.equal(tensor, then) for tensor, then in seen)
    assert torch.equal(image, given)


@pytest.mark.parametrize("kind", [OperationalConv2d, OperationalConvTranspose2d])
@pytest.mark.parametrize("scripted", [False, True])
def test_images_that_fit_no_layer_are_refused_in_one_line(kind, scripted):
    layer = torch.jit.script(kind(3, 2, 3)) if scripted else kind(3, 2, 3)
    for shape in ((1, 1, 8, 8), (1, 3, 8, 8, 8), (8, 8)):
        with pytest.raises(Exception, match=r"\(batch, 3, \*spatial\) or \(3, \*spatial\) with 2 spatial dimensions"):
            layer(torch.zeros(shape))


def test_order_that_is_a_truth_value_is_refused():
    with pytest.raises(ValueError, match="order must be an integer of at least 1, got True"):
        OperationalConv2d(1, 1, 1, order=True)


@pytest.mark.parametrize("size", [8, 512])
def test_large_results_of_transposed_layers_are_contiguous_as_small_ones_are(size):
    layer = OperationalConvTranspose2d(2, 1, 3, stride=2, padding=1)
    with torch.no_grad():
        assert layer(torch.rand(1, 2, size, size)).view(-1).numel() == (2 * size - 1) ** 2

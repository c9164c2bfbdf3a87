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
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.visualize import GradCAM
from onnx_session import onnx_session

from monai_r2c.networks import R2CClassifier, R2CDiscriminator, R2CGenerator, R2CRestorer
from monai_r2c.networks.blocks import ClassHead, InstanceNorm
from monai_r2c.utils import Variant

VARIANTS = [variant.value for variant in Variant]


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("variant", "order", "generator", "discriminator"),
    [
        ("operational", 1, 302_853, 136_513),
        ("operational", 3, 906_501, 408_897),
        ("convolutional", 3, 11_383_941, 2_765_633),
        ("convolutional_light", 3, 302_853, 136_513),
    ],
)
def test_parameter_counts_are_the_published_ones_with_one_bias_a_layer(
    variant, order, generator, discriminator
) -> None:
    assert _count(R2CGenerator(2, 3, variant=variant, order=order)) == generator
    assert _count(R2CDiscriminator(2, 3, variant=variant, order=order)) == discriminator


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("spatial_dims", "size"), [(1, (33,)), (2, (18, 23)), (3, (8, 9, 7))])
def test_generator_keeps_any_size_in_every_dimension(variant: str, spatial_dims: int, size: tuple) -> None:
    network = R2CGenerator(spatial_dims, in_channels=2, num_classes=3, variant=variant, features=4)
    image, logits = network(torch.rand(2, 2, *size) * 2 - 1)
    assert image.shape == (2, 2, *size)
    assert logits.shape == (2, 3)
    assert image.abs().max() <= 1


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [256, 30])
def test_discriminator_gives_one_score_for_each_eighth_rounded_up(variant: str, size: int) -> None:
    scores = R2CDiscriminator(2, variant=variant, features=2)(torch.zeros(1, 1, size, size))
    assert scores.shape == (1, 1, -(-size // 8), -(-size // 8))


@pytest.mark.parametrize(("variant", "least"), [("operational", 3), ("convolutional_light", 3), ("convolutional", 5)])
def test_least_size_works_and_a_smaller_one_is_refused(variant: str, least: int) -> None:
    network = R2CGenerator(2, variant=variant, features=2)
    assert network(torch.zeros(1, 1, least, least))[0].shape == (1, 1, least, least)
    with pytest.raises(ValueError, match=f"at least {least}, got an image of shape"):
        network(torch.zeros(1, 1, least, least - 1))


@pytest.mark.parametrize("variant", VARIANTS)
def test_restorer_and_classifier_are_the_generator_seen_from_one_side(variant: str) -> None:
    arguments = {"spatial_dims": 2, "variant": variant, "features": 4}
    generator, restorer, classifier = (cls(**arguments) for cls in (R2CGenerator, R2CRestorer, R2CClassifier))
    restorer.load_state_dict(generator.state_dict())
    classifier.load_state_dict(generator.state_dict())
    image, logits = generator(torch.ones(1, 1, 12, 12) / 2)
    assert torch.equal(restorer(torch.ones(1, 1, 12, 12) / 2), image)
    assert torch.equal(classifier(torch.ones(1, 1, 12, 12) / 2), logits)


@pytest.mark.parametrize("variant", VARIANTS)
def test_torchscript_export_and_onnx_with_dynamic_batch_and_size_equal_eager(variant: str) -> None:
    network = R2CGenerator(2, variant=variant, features=4).eval()
    example, other = torch.rand(2, 1, 24, 32) * 2 - 1, torch.rand(3, 1, 29, 18) * 2 - 1
    expected = [output.detach() for output in network(other)]

    scripted = torch.jit.script(network)
    dynamic = {"image": {axis: torch.export.Dim.DYNAMIC for axis in (0, 2, 3)}}
    exported = torch.export.export(network, (example,), dynamic_shapes=dynamic)
    for outputs in (scripted(other), exported.module()(other)):
        for output, wanted in zip(outputs, expected):
            assert torch.allclose(output, wanted, atol=1e-6)

    buffer = io.BytesIO()
    torch.onnx.export(exported, f=buffer, dynamo=True, verbose=False)
    session = onnx_session(buffer.getvalue())
    outputs = session.run(None, {session.get_inputs()[0].name: other.numpy()})
    for output, wanted in zip(outputs, expected):
        assert np.abs(output - wanted.numpy()).max() < 1e-5


def test_discriminator_scripts_and_copies() -> None:
    network = R2CDiscriminator(2, features=4)
    image = torch.rand(1, 1, 17, 20)
    assert torch.equal(torch.jit.script(network)(image), network(image))
    assert torch.equal(copy.deepcopy(network)(image), network(image))


def test_settings_build_the_same_network_again() -> None:
    network = R2CGenerator(2, order=2, features=4, class_pooling="mean_max", class_features="preactivation")
    twin = R2CGenerator(**network.get_settings())
    twin.load_state_dict(network.state_dict())
    image = torch.rand(1, 1, 8, 8)
    assert torch.equal(twin(image)[1], network(image)[1])


def test_class_head_reads_the_fifth_of_nine_blocks() -> None:
    network = R2CGenerator(2, variant="convolutional", features=2)
    image = torch.rand(1, 1, 16, 16)
    before = network(image)
    with torch.no_grad():
        for p in network.after_head.parameters():
            p.add_(0.1)
    after = network(image)
    assert torch.equal(before[1], after[1])
    assert not torch.equal(before[0], after[0])
    assert sum("Residual" in type(m).__name__ for m in network.after_head.modules()) == 4


def test_initial_weights_stay_within_glorots_limit_of_one_convolution() -> None:
    kernels = R2CGenerator(2, 3, order=3).trunk[0].body[1].kernels_by_power()
    limit = (6 / (9 * (128 + 128))) ** 0.5
    for kernel in kernels:
        assert 0.99 * limit < kernel.abs().max() <= limit


def test_higher_orders_start_scaled() -> None:
    torch.manual_seed(0)
    published = R2CGenerator(2, features=8).down[0][1].kernels_by_power()
    torch.manual_seed(0)
    scaled = R2CGenerator(2, features=8, higher_order_scale=0.1).down[0][1].kernels_by_power()
    assert torch.equal(scaled[0], published[0])
    assert torch.allclose(scaled[1:], published[1:] * 0.1)


def test_class_head_pools_as_asked() -> None:
    features = torch.tensor([[[0.0, 2.0], [1.0, 5.0]]])
    for pooling, pooled in (("max", [2.0, 5.0]), ("mean", [1.0, 3.0]), ("mean_max", [1.0, 3.0, 2.0, 5.0])):
        head = ClassHead(2, 1, pooling)
        torch.nn.init.ones_(head.linear.weight)
        torch.nn.init.zeros_(head.linear.bias)
        assert head(features).item() == sum(pooled)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "dense"}, "dense"),
        ({"order": 0}, "order must be"),
        ({"spatial_dims": 4}, "spatial_dims must be 1, 2 or 3, got 4"),
        ({"class_features": "late"}, "class_features must be"),
        ({"class_pooling": "median"}, "pooling must be one of max, mean, mean_max"),
        ({"class_block": 2}, "class_block must be 1 to 1"),
    ],
)
def test_wrong_argument_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        R2CGenerator(**({"spatial_dims": 2, "features": 2} | arguments))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("spatial_dims", [1, 2, 3])
def test_discriminator_refuses_images_within_one_patch_in_every_way_of_running(variant: str, spatial_dims: int) -> None:
    network = R2CDiscriminator(spatial_dims, variant=variant, features=2)
    small, least = (torch.rand(2, 1, *[size] * spatial_dims) for size in (8, 9))
    scripted = torch.jit.script(network)
    for call in (network, scripted, torch.no_grad()(network), lambda x: torch.export.export(network, (x,))):
        with pytest.raises(Exception, match="one spatial size must be at least 9, got shape"):
            call(small)
    assert torch.equal(network(least), scripted(least))
    assert network(least).shape == (2, 1, *[2] * spatial_dims)


@pytest.mark.parametrize(("variant", "least"), [("operational", 3), ("convolutional", 5)])
@pytest.mark.parametrize("spatial_dims", [1, 2, 3])
def test_generator_refuses_small_images_scripted_and_exported_too(variant: str, least: int, spatial_dims: int) -> None:
    network = R2CGenerator(spatial_dims, variant=variant, features=2)
    small, smallest = (torch.rand(1, 1, *[size] * spatial_dims) for size in (least - 1, least))
    scripted = torch.jit.script(network)
    for call in (scripted, torch.no_grad()(network), lambda x: torch.export.export(network, (x,))):
        with pytest.raises(Exception, match=f"every spatial size must be at least {least}, got an image of shape"):
            call(small)
    assert torch.equal(scripted(smallest)[0], network(smallest)[0])


@pytest.mark.parametrize("variant", VARIANTS)
def test_parts_of_the_generator_run_one_after_the_other_are_the_generator(variant: str) -> None:
    network, image = R2CGenerator(2, variant=variant, features=2), torch.rand(1, 1, 13, 18)
    features = network.trunk(network.down(network.stem(image)))
    activated = network.activation(features)
    decoded = network.to_image(network.up(network.after_head(activated), [13, 18])).tanh()
    for found, expected in zip((decoded, network.head(activated)), network(image)):
        assert torch.equal(found, expected)
    for_head, for_decoder = network.encode(image)
    assert torch.equal(network.decode(for_decoder, [13, 18]), decoded)
    assert torch.equal(for_head, activated)


def test_parts_of_the_generator_can_be_swapped() -> None:
    network = R2CGenerator(2, features=2)
    network.stem, network.down, network.trunk = torch.nn.AvgPool2d(2), torch.nn.Identity(), torch.nn.Conv2d(1, 2, 1)
    network.head = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(2, 5))
    image, logits = network(torch.rand(3, 1, 12, 12))
    assert (image.shape, logits.shape) == ((3, 1, 12, 12), (3, 5))


@pytest.mark.parametrize("variant", VARIANTS)
def test_act_norm_and_dropout_are_those_of_the_factories_of_monai(variant: str) -> None:
    arguments = {"act": ("elu", {"alpha": 0.5}), "norm": "batch", "dropout": ("dropout", {"p": 0.25})}
    for network in (
        R2CGenerator(2, variant=variant, features=4, **arguments),
        R2CDiscriminator(2, variant=variant, features=4, **arguments),
    ):
        kinds = [type(module) for module in network.modules()]
        assert torch.nn.BatchNorm2d in kinds
        assert InstanceNorm not in kinds
        assert {module.alpha for module in network.modules() if isinstance(module, torch.nn.ELU)} == {0.5}
        assert {module.p for module in network.modules() if isinstance(module, torch.nn.Dropout2d)} == {0.25}
        assert not set(kinds) & {torch.nn.ReLU, torch.nn.Tanh, torch.nn.LeakyReLU}
        twin = type(network)(**network.get_settings()).eval()
        twin.load_state_dict(network.state_dict())
        image = torch.rand(2, 1, 16, 16)
        torch.testing.assert_close(twin(image), network.eval()(image))


@pytest.mark.parametrize("variant", VARIANTS)
def test_dropout_changes_no_name_of_a_weight_and_nothing_in_evaluation(variant: str) -> None:
    for kind in (R2CGenerator, R2CDiscriminator):
        network, other = (kind(2, variant=variant, features=4, dropout=p).eval() for p in (None, 0.5))
        other.load_state_dict(network.state_dict())
        image = torch.rand(1, 1, 16, 16)
        torch.testing.assert_close(other(image), network(image), rtol=0, atol=0)
        dropped = other.train()(image)
        assert not torch.equal(*(y[0] if isinstance(y, tuple) else y for y in (dropped, network(image))))


def test_no_norm_and_no_activation() -> None:
    network = R2CDiscriminator(2, variant="convolutional_light", features=2, act=None, norm=None)
    image = torch.rand(1, 1, 16, 16)
    bias = network(torch.zeros_like(image))
    torch.testing.assert_close(network(2 * image) - bias, 2 * (network(image) - bias))  # a linear function and a bias


@pytest.mark.parametrize("variant", VARIANTS)
def test_translated_image_and_scores_have_the_channels_asked_for(variant: str) -> None:
    image = torch.rand(1, 3, 16, 16)
    translated, _ = R2CGenerator(2, 3, variant=variant, features=2, out_channels=2)(image)
    scores = R2CDiscriminator(2, 3, variant=variant, features=2, out_channels=4)(image)
    assert (translated.shape, scores.shape) == ((1, 2, 16, 16), (1, 4, 2, 2))


@pytest.mark.parametrize("variant", VARIANTS)
def test_classifier_has_no_decoder_and_uses_every_weight(variant: str) -> None:
    network = R2CClassifier(2, variant=variant, features=2)
    assert not {name.split(".")[0] for name in network.state_dict()} & {"after_head", "up", "to_image"}
    network(torch.rand(1, 1, 16, 16)).sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_classifier_refuses_weights_that_are_no_generators() -> None:
    weights = R2CGenerator(2, features=2).state_dict() | {"neck.weight": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"neck\.weight"):
        R2CClassifier(2, features=2).load_state_dict(weights)
    assert "up.0.conv.weight" in weights


def test_classifier_takes_a_second_step_under_distributed_data_parallel(tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        network = torch.nn.parallel.DistributedDataParallel(R2CClassifier(2, features=2))
        for _ in range(2):
            network(torch.rand(1, 1, 12, 12)).sum().backward()
    finally:
        torch.distributed.destroy_process_group()


def test_gradcam_of_monai_reads_the_body_of_a_residual_block() -> None:
    network = R2CClassifier(2, features=4)
    network(torch.rand(1, 1, 16, 16)).sum().backward()
    cam = GradCAM(network, "trunk.0.body")(torch.rand(1, 1, 16, 16))
    assert cam.shape == (1, 1, 16, 16)


@pytest.mark.parametrize("network", [R2CGenerator, R2CDiscriminator])
@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 3, 16, 16), (1, 1, 16, 16, 16)])
def test_image_that_is_no_batch_of_its_channels_and_dimensions_is_refused(network: type, shape: tuple) -> None:
    with pytest.raises(
        ValueError, match=r"images must be \(batch, 1, \*spatial\) with 2 spatial dimensions, got shape"
    ):
        network(2, features=2)(torch.zeros(shape))


@pytest.mark.parametrize("network", [R2CGenerator, R2CDiscriminator])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 0}, "features must be an integer of at least 1, got 0"),
        ({"in_channels": 0}, "in_channels must be an integer of at least 1, got 0"),
        ({"out_channels": True}, "out_channels must be an integer of at least 1, got True"),
        ({"order": True}, "order must be an integer of at least 1, got True"),
        ({"spatial_dims": "2"}, "spatial_dims must be 1, 2 or 3, got '2'"),
        ({"variant": "dense"}, "one of operational, convolutional, convolutional_light, got 'dense'"),
    ],
)
def test_wrong_argument_of_either_network_is_refused(network: type, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(**({"spatial_dims": 2, "features": 2} | arguments))

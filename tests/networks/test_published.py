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

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_r2c.engines.translation import translate_unpaired
from monai_r2c.losses import RestoreToClassifyLoss, UnpairedDiscriminatorLoss
from monai_r2c.networks import R2CDiscriminator, R2CGenerator
from monai_r2c.networks.published import load_published_arrays
from monai_r2c.utils import InputError

NETWORKS = {"G_A2B": R2CGenerator, "G_B2A": R2CGenerator, "D_A": R2CDiscriminator, "D_B": R2CDiscriminator}
GENERATOR_LOSSES = {
    "adversarial_restored": "A2B_g_loss",
    "adversarial_degraded": "B2A_g_loss",
    "cycle_poor": "A2B2A_cycle_loss",
    "cycle_good": "B2A2B_cycle_loss",
    "identity_poor": "A2A_id_loss",
    "identity_good": "B2B_id_loss",
    "class_restored": "A2B_c_loss",
    "class_degraded": "B2A_c_loss",
    "class_cycled_poor": "A2B2A_c_loss",
    "class_cycled_good": "B2A2B_c_loss",
    "class_identity_poor": "A2A_c_loss",
    "class_identity_good": "B2B_c_loss",
    "generator_loss": "G_loss",
}
DISCRIMINATOR_LOSSES = {
    "poor_real": "A_d_loss",
    "poor_fake": "B2A_d_loss",
    "good_real": "B_d_loss",
    "good_fake": "A2B_d_loss",
    "discriminator_loss": "D_loss",
}


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "reference/convolutional-light.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="module")
def published(reference: dict[str, np.ndarray]) -> dict[str, torch.nn.Module]:
    networks = {name: cls(2, 3, variant="convolutional_light") for name, cls in NETWORKS.items()}
    for name, network in networks.items():
        load_published_arrays(network, *_arrays(reference, name))
    return networks


def _arrays(reference: dict[str, np.ndarray], name: str) -> tuple[list[np.ndarray], list[str]]:
    names = [str(n) for n in reference[f"{name}/names"]]
    return [reference[f"{name}/{i:03d}"] for i in range(len(names))], names


def _images(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).float().permute(0, 3, 1, 2)


def test_images_and_class_probabilities_are_the_published_ones(reference, published) -> None:
    poor, good = _images(reference["A"]), _images(reference["B"])
    restorer, degrader = published["G_A2B"], published["G_B2A"]
    with torch.no_grad():
        passes = {"A2B": restorer(poor), "B2A": degrader(good), "A2A": degrader(poor), "B2B": restorer(good)}
        passes |= {"A2B2A": degrader(passes["A2B"][0]), "B2A2B": restorer(passes["B2A"][0])}
    for name, (image, logits) in passes.items():
        whole = f"out/{name}" in reference
        expected = _images(reference[f"out/{name}" if whole else f"out/{name}_every4"])
        image = image if whole else image[..., ::4, ::4]
        assert (image - expected).abs().max() < 5e-5, name
        probabilities = torch.from_numpy(reference[f"out/y_{name}"])
        assert (logits.softmax(1) - probabilities).abs().max() < 1e-5, name


def test_discriminator_maps_are_the_published_ones(reference, published) -> None:
    images = {"A": reference["A"], "B": reference["B"], "A2B": reference["out/A2B"], "B2A": reference["out/B2A"]}
    for name, image in (("D_A", "A"), ("D_B", "B"), ("D_B", "A2B"), ("D_A", "B2A")):
        with torch.no_grad():
            scores = published[name](_images(images[image]))
        expected = _images(reference[f"out/{name}_of_{image}"])
        assert scores.shape == expected.shape == (2, 1, 32, 32)
        assert (scores - expected).abs().max() < 5e-5, name


def test_wrong_variant_is_refused_with_the_variable_and_both_shapes(reference) -> None:
    arrays, names = _arrays(reference, "G_A2B")
    network = R2CGenerator(2, 3, variant="convolutional")
    with pytest.raises(InputError, match=r"conv2d/kernel:0: shape \(3, 3, 3, 128\) .* needs \(7, 7, 3, 64\)"):
        load_published_arrays(network, arrays, names)


def test_missing_and_left_over_variables_are_named(reference) -> None:
    arrays, names = _arrays(reference, "G_A2B")
    network = R2CGenerator(2, 3, variant="convolutional_light")
    with pytest.raises(InputError, match=r"bias of head.linear .* shape \(2,\), is missing"):
        load_published_arrays(network, arrays[:-1], names[:-1])
    with pytest.raises(InputError, match=r"dense/bias:0: left over, shape \(2,\)"):
        load_published_arrays(network, [*arrays, arrays[-1]], [*names, names[-1]])


def test_refused_weights_leave_the_network_unchanged(reference) -> None:
    arrays, names = _arrays(reference, "G_A2B")
    network = R2CGenerator(2, 3, variant="convolutional_light")
    before = {k: v.clone() for k, v in network.state_dict().items()}
    with pytest.raises(InputError):
        load_published_arrays(network, arrays[:-1], names[:-1])
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize("order", [1, 2, 3])
def test_operational_layer_sums_q_convolutions_with_q_biases(order: int) -> None:
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.rand(*shape, generator=generator).numpy() - 0.5  # noqa: E731
    width, arrays = 4, []
    for channels, outputs, kernel, bias in ((3, width, 4, True), (width, 8, 4, False), (8, 1, 4, True)):
        for _ in range(order):
            arrays.append(draw(kernel, kernel, channels, outputs))
            if bias:
                arrays.append(draw(outputs))
        if not bias:
            arrays += [np.ones(8), np.zeros(8)]
    network = R2CDiscriminator(2, 3, order=order, features=width)
    load_published_arrays(network, arrays)

    image = torch.rand(1, 3, 16, 16, generator=generator) * 2 - 1
    first = network.layers[0][1](image)
    expected = torch.zeros_like(first)
    for i in range(order):
        kernel, bias = (torch.from_numpy(a) for a in arrays[2 * i : 2 * i + 2])
        expected += torch.nn.functional.conv2d(image ** (i + 1), kernel.permute(3, 2, 0, 1), bias, stride=2)
    assert (first - expected).abs().max() < 1e-5


@pytest.mark.parametrize("head", ["last", "in the middle"])
def test_operational_generator_takes_the_arrays_of_each_power_in_keras_order(head: str) -> None:
    network = R2CGenerator(2, 3, order=2, features=4)
    shapes = [(3, 3, 3, 4)] * 2 + [(4,)] * 2 + ([(3, 3, 4, 4)] * 2 + [(4,)] * 2) * 2
    shapes += [(3, 3, 3, 4), (3,)] * 2 + [(4, 2), (2,)]
    arrays = [np.full(shape, i, dtype=np.float32) for i, shape in enumerate(shapes)]
    head_in_the_middle = arrays[:12] + arrays[-2:] + arrays[12:-2]
    load_published_arrays(network, arrays if head == "last" else head_in_the_middle)
    assert network.down[0][1].kernels_by_power().flatten(1).mean(1).tolist() == [0.0, 1.0]
    assert network.up[0].conv.kernels_by_power().flatten(1).mean(1).tolist() == [12.0, 14.0]
    assert network.up[0].conv.bias.tolist() == [28.0] * 3
    assert network.head.linear.bias.tolist() == [17.0] * 2


def test_every_loss_and_gradient_norm_is_the_published_one(reference, published) -> None:
    restorer, degrader = published["G_A2B"], published["G_B2A"]
    images, logits = translate_unpaired(restorer, degrader, _images(reference["A"]), _images(reference["B"]))
    labels = {
        "poor_label": torch.from_numpy(reference["label_A"]).argmax(1),
        "good_label": torch.from_numpy(reference["label_B"]).argmax(1),
    }
    scores = {"restored": published["D_B"](images["restored"]), "degraded": published["D_A"](images["degraded"])}
    losses = RestoreToClassifyLoss()(images, logits, scores, labels)
    _assert_losses(losses, reference, GENERATOR_LOSSES)
    _assert_gradient_norms(losses["generator_loss"], reference, published, "G", ("G_A2B", "G_B2A"))

    real = {"poor": published["D_A"](images["poor"]), "good": published["D_B"](images["good"])}
    fake = {
        "poor": published["D_A"](images["degraded"].detach()),
        "good": published["D_B"](images["restored"].detach()),
    }
    losses = UnpairedDiscriminatorLoss()(real, fake)
    _assert_losses(losses, reference, DISCRIMINATOR_LOSSES)
    _assert_gradient_norms(losses["discriminator_loss"], reference, published, "D", ("D_A", "D_B"))


def _assert_losses(losses: dict[str, torch.Tensor], reference: dict[str, np.ndarray], names: dict[str, str]) -> None:
    assert set(losses) == set(names)
    for name, published_name in names.items():
        assert losses[name].item() == pytest.approx(float(reference[f"loss/{published_name}"]), rel=2e-5), name


def _assert_gradient_norms(loss, reference, published, kind: str, networks: tuple[str, str]) -> None:
    expected = dict(zip(reference[f"grad_norm/{kind}_names"], reference[f"grad_norm/{kind}"]))
    variables = [
        (f"{n}/{name}", v) for n in networks for name, v in zip(_arrays(reference, n)[1], _variables(published[n]))
    ]
    gradients = torch.autograd.grad(loss, [v for _, v in variables], retain_graph=True)
    assert len(expected) == len(variables)
    for (name, _), gradient in zip(variables, gradients):
        assert gradient.norm().item() == pytest.approx(float(expected[name]), rel=1e-3), name


def _variables(network: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Parameters in Keras order: of a plain network, those of its layers as the data meets them, the head last."""
    parts = (
        ["stem", "down", "trunk", "after_head", "up", "to_image", "head"] if hasattr(network, "stem") else ["layers"]
    )
    return [p for part in parts for p in network.get_submodule(part).parameters()]

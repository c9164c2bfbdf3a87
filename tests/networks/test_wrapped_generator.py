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

import pytest
import torch

from monai_r2c.networks import WrappedGenerator, WrappedRestorer
from monai_r2c.networks.blocks import with_gray_levels
from monai_r2c.networks.layers import OperationalConv2d

UNET = {"channels": (4, 8, 16), "strides": (2, 2)}
NETWORKS = {
    "UNet": UNET,
    "BasicUNet": {"features": (4, 4, 8, 8, 16, 4)},
    "AttentionUnet": UNET,
    "SegResNet": {"init_filters": 8},
    "Restormer": {"dim": 8, "num_blocks": (1, 1, 1, 1), "heads": (1, 1, 2, 2), "num_refinement_blocks": 1},
}


def images(*size: int) -> torch.Tensor:
    return torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("order", [None, 2])
def test_monai_networks_translate_and_classify_images_of_any_size(network, order):
    generator = WrappedGenerator(network, NETWORKS[network], num_classes=3, order=order).eval()
    image, logits = generator(images(21, 34))
    assert image.shape == (2, 1, 21, 34)
    assert logits.shape == (2, 3)
    assert image.abs().max() <= 1
    (image.square().mean() + logits.square().mean()).backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_the_image_is_tanh_of_the_network_or_the_sum_with_the_input():
    torch.manual_seed(0)
    plain, residual = WrappedGenerator("UNet", UNET).eval(), WrappedGenerator("UNet", UNET, residual=True).eval()
    image = images(16, 24)
    torch.testing.assert_close(plain(image)[0], plain.body(image).tanh())
    torch.testing.assert_close(residual(image)[0], (image + residual.body(image)).clamp(-1, 1))


def test_gray_levels_say_how_far_a_pixel_lies_above_values_evenly_spaced():
    image = torch.tensor([[[[-1.0, -0.25, 1.0]]]])
    maps = with_gray_levels(image, 3)  # above -0.5, 0 and 0.5
    assert maps[0, :, 0].tolist() == [[-1.0, -0.25, 1.0], [0.0, 0.25, 1.5], [0.0, 0.0, 1.0], [0.0, 0.0, 0.5]]
    assert with_gray_levels(image, 0) is image


def test_with_gray_levels_a_network_of_instance_norms_sees_exposure():
    flat = {"features": (4, 4, 8, 8, 16, 4), "norm": "instance"}
    image, generators = images(64, 64), []
    for levels in (0, 7):
        torch.manual_seed(0)
        generators.append(WrappedGenerator("BasicUNet", flat, gray_levels=levels).eval())
    darker = 0.5 * image - 0.3
    blind, seeing = (
        (net(darker)[0] - net(image)[0])[..., 24:40, 24:40].abs().mean() / net(image)[0].std() for net in generators
    )
    assert blind < 0.05  # what the zeros around the image leave
    assert seeing > 5 * blind
    torch.testing.assert_close(generators[1](image)[0], generators[1].body(with_gray_levels(image, 7)).tanh())
    assert WrappedGenerator(**generators[1].get_settings()).get_settings() == generators[1].get_settings()


def test_filled_up_borders_repeat_the_image():
    torch.manual_seed(0)
    generator, image = WrappedGenerator("UNet", UNET).eval(), images(14, 16)
    assert generator.size_multiple == 4
    filled = torch.cat([image, image[:, :, -1:], image[:, :, -1:]], dim=2)
    torch.testing.assert_close(generator(image)[0], generator(filled)[0][:, :, :14])


def test_the_head_reads_the_named_layer():
    torch.manual_seed(0)
    generator = WrappedGenerator("UNet", UNET, class_layer="model.0", class_pooling="mean").eval()
    image = images(16, 16)
    features = generator.body.get_submodule("model.0")(image)
    torch.testing.assert_close(generator(image)[1], generator.head.linear(features.mean((2, 3))))


def test_the_deepest_layer_has_the_smallest_map_and_most_channels():
    generator = WrappedGenerator("SegResNet", {"init_filters": 8})
    assert generator.class_layer.startswith("down_layers.3")
    assert generator.head.linear.in_features == 2 * 64


def test_order_makes_an_operational_network():
    assert any(isinstance(layer, OperationalConv2d) for layer in WrappedGenerator("UNet", UNET, order=3).modules())


def test_settings_build_the_same_network_again():
    torch.manual_seed(0)
    first = WrappedGenerator("UNet", UNET, order=2, residual=True).eval()
    second = WrappedGenerator(**first.get_settings()).eval()
    second.load_state_dict(first.state_dict())
    image = images(20, 20)
    assert all(torch.equal(a, b) for a, b in zip(first(image), second(image)))
    restorer = WrappedRestorer(**first.get_settings()).eval()
    restorer.load_state_dict(first.state_dict())
    assert torch.equal(restorer(image), first(image)[0])


def test_a_copy_keeps_its_own_features():
    first = WrappedGenerator("UNet", UNET).eval()
    second = copy.deepcopy(first)
    with torch.no_grad():
        second.head.linear.bias.add_(1)
    image = images(16, 16)
    torch.testing.assert_close(second(image)[1], first(image)[1] + 1)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_it_is_traced():
    generator, image = WrappedGenerator("UNet", UNET).eval(), images(16, 16)
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.trace(generator, image)(image), generator(image))


class _Enlarges(torch.nn.Module):
    def __init__(self, **_: object) -> None:
        super().__init__()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.repeat(1, 1, 2, 2)


class _OfOneSize(_Enlarges):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image + torch.zeros(48, 48)


class _SkipsInTraining(_Enlarges):
    def __init__(self, **_: object) -> None:
        super().__init__()
        self.late = torch.nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image if self.training else self.late(image)


class _Lists(_Enlarges):
    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:  # type: ignore[override]
        return [image]


@pytest.mark.parametrize(
    ("network", "more", "message"),
    [
        ("UNet", {"class_layer": "no.such"}, "class_layer must name a layer of UNet that gives a feature map"),
        (f"{__name__}._Enlarges", {}, "must keep the image's channels and size"),
        (f"{__name__}._Lists", {}, "must give one tensor, the image; it gave a list"),
        ("AttentionUnet", {}, "AttentionUnet: cannot be built with .*'channels'"),
        ("CacheDataset", {}, "network must name the class of a network, such as UNet, got 'CacheDataset'"),
        (f"{__name__}._OfOneSize", {}, r"_OfOneSize: cannot restore an image of \[64, 64\] pixels"),
        ("builtins.dict", {}, "network must name the class of a network"),
        ("NoSuchNet", {}, "network must name the class of a network"),
    ],
)
def test_networks_that_do_not_fit_are_refused(network, more, message):
    arguments = UNET if network == "UNet" else {}
    with pytest.raises(ValueError, match=message):
        WrappedGenerator(network, arguments, **more)


def test_an_image_of_other_channels_is_refused():
    with pytest.raises(ValueError, match=r"images must be \(batch, 1, \*spatial\) with 2 spatial dimensions"):
        WrappedGenerator("UNet", UNET)(torch.zeros(1, 3, 16, 16))


def test_a_layer_that_is_left_out_in_training_cannot_give_the_class() -> None:
    network = WrappedGenerator(f"{__name__}._SkipsInTraining", class_layer="late")
    network.eval()(images(8, 8))
    with pytest.raises(ValueError, match="class_layer: this layer was left out of a pass"):
        network.train()(images(8, 8))


def test_a_network_of_three_dimensions():
    image, logits = WrappedGenerator("UNet", UNET, spatial_dims=3)(images(9, 10, 12))
    assert image.shape == (2, 1, 9, 10, 12)
    assert logits.shape == (2, 2)

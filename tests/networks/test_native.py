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

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F

from monai_r2c.networks import (
    NativeGenerator,
    NativeRestorer,
    R2CGenerator,
    as_generator,
    as_restorer,
    build_generator,
    load_restorer,
    save_model,
    start_from,
    thumbnail_settings,
    to_device,
)
from monai_r2c.networks.blocks.local_line import local_line
from monai_r2c.networks.blocks.local_restorer import LocalRestorer
from monai_r2c.utils import InputError

WHOLE = {"spatial_dims": 2, "in_channels": 1, "features": 4}


def image(*size: int) -> torch.Tensor:
    return torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def native(**changes: object) -> NativeGenerator:
    """A native generator whose local network does something."""
    torch.manual_seed(0)
    network = NativeGenerator(WHOLE, **{"working_size": 32, "local_features": 8, **changes}).eval()
    for layer in network.local.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    return network


def test_line_brings_an_image_to_a_target_that_is_a_line_of_it():
    x = image(20, 24)
    slope, offset = local_line(x, 0.5 * x - 0.2, radius=3, epsilon=0.0)
    torch.testing.assert_close(slope, torch.full_like(x, 0.5), rtol=0, atol=1e-4)
    torch.testing.assert_close(offset, torch.full_like(x, -0.2), rtol=0, atol=1e-4)


def test_line_of_a_flat_image_is_the_target_alone():
    slope, offset = local_line(torch.full((1, 1, 9, 9), 0.3), torch.full((1, 1, 9, 9), -0.1))
    assert slope.abs().max() < 1e-3
    torch.testing.assert_close(offset, torch.full((1, 1, 9, 9), -0.1), rtol=0, atol=1e-3)


def test_an_untrained_local_network_leaves_the_line_of_the_restored_thumbnail():
    torch.manual_seed(0)
    network, x = NativeGenerator(WHOLE, 32, 8).eval(), image(32, 32)
    restored, logits = network(x)
    slope, offset = local_line(x, network.whole(x)[0])
    torch.testing.assert_close(restored, (slope * x + offset).clamp(-1, 1))
    torch.testing.assert_close(logits, network.whole(x)[1])


def test_image_keeps_its_size_whatever_that_is():
    network = native()
    for size in ((32, 32), (33, 50), (17, 90), (5, 300)):
        restored, logits = network(image(*size))
        assert restored.shape == (1, 1, *size)
        assert logits.shape == (1, 2)
        assert restored.abs().max() <= 1


@pytest.mark.parametrize("tile", [64, 104])
def test_result_does_not_hang_on_the_tiles(tile):
    whole, tiled, x = native(), native(tile=tile), image(230, 300)
    with torch.no_grad():
        torch.testing.assert_close(tiled(x)[0], whole(x)[0], rtol=0, atol=1e-3)


def test_a_crop_with_its_thumbnail_and_place_is_a_part_of_the_whole():
    network, x = native(), image(400, 400)
    reach = LocalRestorer.reach
    crop, place = x[:, :, 96:400, 80:384], torch.tensor([[96 / 400, 80 / 400, 1.0, 384 / 400]])
    whole, part = network(x)[0], network(crop, network.thumbnail_of(x), place)[0]
    inner = slice(reach, 304 - reach)
    torch.testing.assert_close(
        part[:, :, inner, inner], whole[:, :, 96:400, 80:384][:, :, inner, inner], rtol=0, atol=1e-4
    )


def test_nothing_beyond_the_reach_changes_a_pixel():
    torch.manual_seed(0)
    local, x = native().local, image(256, 256).expand(-1, 3, -1, -1).clone().requires_grad_()
    for row, column in ((128, 128), (131, 135)):
        (gradient,) = torch.autograd.grad(local(x)[0, 0, row, column], x)
        touched = gradient.abs().sum((0, 1)).nonzero() - torch.tensor([row, column])
        assert 40 < touched.abs().max() < LocalRestorer.reach


def test_gradients_reach_both_networks():
    network = native().train()
    restored, logits = network(image(40, 40))
    (restored.square().mean() + logits.square().mean()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.local.parameters())
    assert network.whole.head.linear.weight.grad.abs().sum() > 0


def test_model_file_builds_it_again(tmp_path):
    network, x = native(), image(50, 40)
    save_model(tmp_path / "model.pt", network, ("a", "b"), 32)
    loaded, settings = load_restorer(tmp_path / "model.pt")
    assert isinstance(loaded, NativeGenerator)
    torch.testing.assert_close(loaded(x), to_device(network, "cpu")(x))
    assert settings.keeps_native_detail
    assert (settings.variant, settings.order, settings.channels) == ("operational", 3, 1)


def test_views_share_their_weights():
    network, x = native(), image(40, 40)
    restorer = as_restorer(network)
    assert isinstance(restorer, NativeRestorer)
    torch.testing.assert_close(restorer(x), network(x)[0])
    assert isinstance(as_generator(restorer), NativeGenerator)
    assert set(restorer._ddp_params_and_buffers_to_ignore) == {"whole.head.linear.weight", "whole.head.linear.bias"}
    assert restorer.get_submodule(restorer.feature_layer) is network.whole.trunk


def test_starts_from_a_model_of_the_working_size(tmp_path):
    torch.manual_seed(1)
    trained, network = R2CGenerator(**WHOLE), native()
    local = {name: value.clone() for name, value in network.local.state_dict().items()}
    save_model(tmp_path / "model.pt", trained, ("a", "b"), 32)
    start_from(tmp_path / "model.pt", network)
    torch.testing.assert_close(network.whole.state_dict(), trained.state_dict())
    torch.testing.assert_close(dict(network.local.state_dict()), local)
    assert thumbnail_settings(tmp_path / "model.pt", 3) == {**trained.get_settings(), "num_classes": 3}
    save_model(tmp_path / "native.pt", network, ("a", "b"), 32)
    assert thumbnail_settings(tmp_path / "native.pt", 2) == trained.get_settings()


def test_another_architecture_is_refused_to_start_from(tmp_path):
    save_model(tmp_path / "model.pt", R2CGenerator(**{**WHOLE, "features": 8}), ("a", "b"), 32)
    with pytest.raises(InputError, match="is another than the run's"):
        start_from(tmp_path / "model.pt", native())


def test_settings_of_a_native_network_are_refused_in_one_line():
    with pytest.raises(ValueError, match="tile must be a multiple of 8"):
        NativeGenerator(WHOLE, tile=100)
    with pytest.raises(ValueError, match="2 spatial dimensions"):
        NativeGenerator({**WHOLE, "spatial_dims": 3})
    with pytest.raises(ValueError, match="images must be"):
        native()(torch.zeros(1, 2, 40, 40))


def test_bf16_stays_near_fp32_and_gives_float32():
    network, x = native(), image(64, 80)
    for parameter in network.local.last[-1].parameters():
        nn.init.zeros_(parameter)  # the line alone, which is computed in float32 from thumbnails in bf16
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        restored = network(x)[0]
    assert restored.dtype == torch.float32
    assert F.l1_loss(restored, network(x)[0]) < 0.02


def test_build_generator_knows_it():
    assert isinstance(build_generator(native().get_settings()), NativeGenerator)

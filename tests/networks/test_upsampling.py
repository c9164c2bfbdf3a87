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
import torch.nn.functional as F

from monai_r2c.networks import R2CGenerator
from monai_r2c.networks.blocks import ConvolutionKind, ResizeUp, SameUp
from monai_r2c.utils import Variant

VARIANTS = [variant.value for variant in Variant]


def plain(spatial_dims: int = 2) -> ConvolutionKind:
    return ConvolutionKind(spatial_dims, Variant.CONVOLUTIONAL_LIGHT, 1, 1.0)


def test_resize_is_repeated_pixels_and_a_reflecting_convolution():
    torch.manual_seed(0)
    level, features = ResizeUp(plain(), 3, 2, True), torch.randn(2, 3, 5, 4)
    repeated = features.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)[:, :, :9]
    expected = F.conv2d(F.pad(repeated, (1, 1, 1, 1), mode="reflect"), level.conv.weight, level.conv.bias)
    torch.testing.assert_close(level(features, [9, 8]), expected)


def test_even_features_stay_even_where_a_transposed_convolution_draws_a_checkerboard():
    torch.manual_seed(0)
    features = torch.ones(1, 3, 6, 6)
    spread = [
        float(level(plain(), 3, 1, True)(features, [12, 12])[..., 2:-2, 2:-2].std()) for level in (ResizeUp, SameUp)
    ]
    assert spread[0] < 1e-6
    assert spread[1] > 1e-2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [(19,), (10, 13), (6, 7, 8)])
def test_generator_that_resizes_keeps_any_size_and_is_scripted(variant, size):
    network = R2CGenerator(len(size), variant=variant, features=4, upsampling="resize").eval()
    image = torch.rand(1, 1, *size) * 2 - 1
    with torch.no_grad():
        expected = network(image)
        torch.testing.assert_close(torch.jit.script(network)(image), expected)
    assert expected[0].shape == image.shape
    assert network.get_settings()["upsampling"] == "resize"


def test_unknown_upsampling_is_refused():
    with pytest.raises(ValueError, match="upsampling must be one of transposed, resize, got 'bicubic'"):
        R2CGenerator(2, upsampling="bicubic")

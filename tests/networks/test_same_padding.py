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

from monai_r2c.networks.layers import SameCrop, SamePad, tensorflow_padding


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (256, 3, 2, (0, 1)),
        (256, 4, 2, (1, 1)),
        (64, 4, 4, (0, 0)),
        (32, 4, 1, (1, 2)),
        (5, 3, 2, (1, 1)),
        (8, 1, 2, (0, 0)),
    ],
)
def test_padding_is_that_of_tensorflow(size: int, kernel: int, stride: int, expected: tuple) -> None:
    assert tensorflow_padding(size, kernel, stride) == expected


@pytest.mark.parametrize("size", range(3, 12))
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_convolution_after_it_gives_the_size_over_the_stride_rounded_up(size: int, stride: int) -> None:
    padded = SamePad(4, stride)(torch.zeros(1, 1, size))
    assert torch.nn.functional.conv1d(padded, torch.zeros(1, 1, 4), stride=stride).shape[2] == -(-size // stride)


@pytest.mark.parametrize("size", [(6, 8), (7, 9), (6, 9)])
def test_crop_is_the_transpose_of_the_padding(size: tuple) -> None:
    """<conv(pad(x)), y> = <x, crop(conv_transposed(y))> for the same kernel."""
    kernel = torch.rand(1, 1, 3, 3, dtype=torch.float64)
    x = torch.rand(1, 1, *size, dtype=torch.float64)
    down = torch.nn.functional.conv2d(SamePad(3, 2)(x), kernel, stride=2)
    y = torch.rand_like(down)
    up = SameCrop(3, 2)(torch.nn.functional.conv_transpose2d(y, kernel, stride=2), list(size))
    assert up.shape == x.shape
    assert (down * y).sum().item() == pytest.approx((x * up).sum().item())

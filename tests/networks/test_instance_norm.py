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
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck

from monai_r2c.networks.blocks import InstanceNorm

FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def norm_and_input(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[InstanceNorm, torch.Tensor]:
    torch.manual_seed(0)
    norm = InstanceNorm(shape[1]).to(dtype)
    torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
    torch.nn.init.uniform_(norm.bias, -1, 1)
    return norm, (torch.randn(shape, dtype=dtype) + 2).to(memory_format=FORMATS[len(shape)])


@pytest.mark.parametrize("shape", [(1, 3, 5, 6), (2, 4, 7, 3), (2, 3, 4, 3, 5)])
def test_channels_last_gives_outputs_and_gradients_of_instance_norm(shape):
    norm, x = norm_and_input(*shape)
    results = []
    for image, function in (
        (x, norm),
        (x.contiguous(), lambda t: F.instance_norm(t, None, None, norm.weight, norm.bias, eps=1e-3)),
    ):
        image = image.detach().requires_grad_()
        y = function(image)
        results.append((y, *torch.autograd.grad(y.pow(3).sum(), (image, norm.weight, norm.bias))))
    for found, expected in zip(*results):
        torch.testing.assert_close(found, expected)
    assert results[0][0].is_contiguous(memory_format=FORMATS[len(shape)])


def test_first_and_second_derivatives_pass_gradcheck():
    norm, x = norm_and_input(2, 3, 4, 3)
    x.requires_grad_()

    def call(image, weight, bias):
        return torch.func.functional_call(norm, {"weight": weight, "bias": bias}, (image,))

    inputs = (x, *(p.detach().clone().requires_grad_() for p in (norm.weight, norm.bias)))
    assert gradcheck(call, inputs)
    assert gradgradcheck(call, inputs)


def test_large_channels_last_images_lose_no_digits():
    norm, x = norm_and_input(1, 2, 512, 512, dtype=torch.float32)
    exact = copy.deepcopy(norm).double()(x.double().contiguous())
    assert (norm(x) - exact).abs().max() < 5e-6


def test_bf16_images_keep_their_type_and_their_statistics_in_float32():
    norm, x = norm_and_input(1, 2, 64, 64, dtype=torch.float32)
    y = norm(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), norm(x.bfloat16().float()), atol=1e-2, rtol=1e-2)


def test_constant_image_becomes_the_bias():
    norm = InstanceNorm(2)
    x = torch.full((1, 2, 4, 4), 3.0).to(memory_format=torch.channels_last).requires_grad_()
    y = norm(x)
    y.sum().backward()
    assert y.abs().max() < 1e-5
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_an_activation_in_place_may_follow():
    norm, x = norm_and_input(1, 3, 5, 6)
    expected = norm(x).tanh()
    y = torch.tanh_(norm(x))
    assert torch.equal(y, expected)
    y.sum().backward()
    assert norm.weight.grad.abs().sum() > 0

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

import threading
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from monai_r2c.networks.layers import OperationalConv2d, winograd

SIZES = [(1, 2, 3, 10, 14), (2, 3, 2, 6, 18), (1, 1, 1, 6, 6)]


def made(batch, channels, out, rows, columns):
    torch.manual_seed(0)
    image = torch.randn(batch, channels, rows, columns, dtype=torch.float64)
    weight = torch.randn(out, channels, 3, 3, dtype=torch.float64)
    return image.to(memory_format=torch.channels_last).requires_grad_(), weight.requires_grad_()


@pytest.fixture(params=[2**20, 1], ids=["in one strip", "a row of tiles at a time"])
def strips(request, monkeypatch):
    way = replace(winograd._BATCH, strip_bytes=request.param)
    monkeypatch.setattr(winograd, "way_of_this_machine", lambda: way)


@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_the_direct_convolution(sizes, strips):
    image, weight = made(*sizes)
    bias = torch.randn(sizes[2], dtype=torch.float64)
    with torch.no_grad():
        result = winograd.convolve(image, weight, bias)
        torch.testing.assert_close(result, F.conv2d(image, weight, bias), rtol=0, atol=1e-12)
    assert result.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("sizes", SIZES)
def test_its_gradients_are_those_of_the_direct_convolution(sizes, strips):
    image, weight = made(*sizes)
    result = F.conv2d(image, weight)
    gradient = torch.randn_like(result)
    by_image, by_weight = torch.autograd.grad(result, (image, weight), gradient)
    with torch.no_grad():
        torch.testing.assert_close(winograd.gradient_of_image(gradient, weight), by_image, rtol=0, atol=1e-12)
        torch.testing.assert_close(winograd.gradient_of_weight(gradient, image), by_weight, rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", [winograd._BATCH, replace(winograd._ONE_BY_ONE, least_channels=40, least_pixels=1024)])
@pytest.mark.parametrize("padding_mode", ["reflect", "zeros", "circular"])
def test_a_wide_layer_takes_it_and_gives_what_it_gave(padding_mode, way, monkeypatch):
    monkeypatch.setattr(winograd, "way_of_this_machine", lambda: way)
    torch.manual_seed(0)
    layer = OperationalConv2d(32, 96, 3, order=3, padding=1, padding_mode=padding_mode)
    x = (2 * torch.rand(1, 32, 36, 32) - 1).to(memory_format=torch.channels_last).requires_grad_()
    taken = []
    monkeypatch.setattr(winograd, "convolve", lambda *a, f=winograd.convolve: taken.append(a) or f(*a))

    def found():
        with torch.no_grad():
            inferred = layer(x)
        result = layer(x)
        gradients = torch.autograd.grad(result.square().mean(), (x, layer.weight, layer.bias))
        return inferred, result, *gradients

    fast = found()
    assert len(taken) == 3  # inference, forward, and the gradient of the image
    monkeypatch.setattr(winograd, "pays", lambda *_: False)
    for one, other in zip(fast, found()):
        assert (one - other).abs().max() < 3e-5 * other.abs().max()
    assert len(taken) == 3


@pytest.mark.parametrize(
    ("x", "out", "padded"),
    [
        (torch.zeros(1, 96, 32, 32), 96, (34, 34)),  # channels first
        (torch.zeros(1, 96, 32, 32).to(memory_format=torch.channels_last), 96, (35, 34)),  # not of whole tiles
        (torch.zeros(1, 96, 32, 32).to(memory_format=torch.channels_last), 32, (34, 34)),  # few channels
        (torch.zeros(1, 96, 8, 8).to(memory_format=torch.channels_last), 96, (10, 10)),  # few pixels
        (torch.zeros(1, 96, 32, 32).bfloat16().to(memory_format=torch.channels_last), 96, (34, 34)),
    ],
)
def test_where_it_does_not_pay_it_is_not_taken(x, out, padded, monkeypatch):
    monkeypatch.setattr(winograd, "way_of_this_machine", lambda: winograd._BATCH)
    assert not winograd.pays(x, torch.zeros(out, x.shape[1], 3, 3, dtype=x.dtype), padded)
    good = torch.zeros(1, 96, 32, 32).to(memory_format=torch.channels_last)
    assert winograd.pays(good, torch.zeros(96, 96, 3, 3), (34, 34))


@pytest.mark.parametrize(("of_products", "one_by_one"), [(1.0, False), (2.5, True)])
def test_the_way_follows_from_the_time_of_products_and_of_a_convolution(of_products, one_by_one, monkeypatch):
    work = {torch.bmm: 36 * 128 * 192 * 64 * of_products, F.conv2d: 64 * 192 * 9 * 32 * 32}

    def seconds(call):
        return work[torch.bmm if call().dim() == 3 else F.conv2d] * 1e-11

    monkeypatch.setattr(winograd, "_seconds", seconds)
    winograd.way_of_this_machine.cache_clear()
    assert winograd.way_of_this_machine().one_by_one == one_by_one
    winograd.way_of_this_machine.cache_clear()


@pytest.mark.parametrize("way", [winograd._BATCH, winograd._ONE_BY_ONE])
def test_memory_that_inference_mode_made_serves_training_too(way, monkeypatch):
    monkeypatch.setattr(winograd, "way_of_this_machine", lambda: way)
    monkeypatch.setattr(winograd, "_of_thread", threading.local())
    image, weight = (value.detach().float() for value in made(1, 8, 4, 18, 10))
    with torch.inference_mode():
        first = winograd.convolve(image, weight, None)
        kept = first.clone()
    with torch.no_grad():
        other = winograd.convolve(2 * image, weight, None)
    assert torch.equal(first, kept)
    assert torch.equal(other, 2 * kept)

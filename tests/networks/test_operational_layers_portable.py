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
import pickle

import pytest
import torch
import torch.nn as nn
from monai.networks.layers.factories import Conv

SIZES = {1: (8,), 2: (8, 7), 3: (6, 5, 4)}
EVERY_LAYER = [
    pytest.param(name, dim, groups, id=f"{name}{dim}d-groups{groups}")
    for name in ("operational", "operationaltrans")
    for dim in (1, 2, 3)
    for groups in (1, 2)
]


def layer_and_input(name: str, dim: int, groups: int) -> tuple[nn.Module, torch.Tensor]:
    layer = Conv[name, dim](2, 4, kernel_size=3, stride=2, padding=1, groups=groups, order=3)
    return layer, torch.empty(2, 2, *SIZES[dim]).uniform_(-1, 1)


@pytest.mark.parametrize(("name", "dim", "groups"), EVERY_LAYER)
def test_scripted_layer_gives_the_same_after_saving(name, dim, groups):
    layer, x = layer_and_input(name, dim, groups)
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(layer), file)
    file.seek(0)
    torch.testing.assert_close(torch.jit.load(file)(x), layer(x))


def test_scripted_transposed_layer_takes_output_size():
    layer, x = layer_and_input("operationaltrans", 2, 1)
    assert torch.jit.script(layer)(x, [16, 14]).shape == layer(x, [16, 14]).shape == (2, 4, 16, 14)


@pytest.mark.parametrize(("name", "dim", "groups"), EVERY_LAYER)
def test_exported_layer_gives_the_same_at_another_size(name, dim, groups):
    layer, x = layer_and_input(name, dim, groups)
    dynamic = {"input": {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}}
    exported = torch.export.export(layer, (x,), dynamic_shapes=dynamic)
    larger = torch.empty(3, 2, SIZES[dim][0] + 3, *SIZES[dim][1:]).uniform_(-1, 1)
    torch.testing.assert_close(exported.module()(larger), layer(larger))


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["deepcopy", "pickle"]
)
@pytest.mark.parametrize(("name", "dim", "groups"), EVERY_LAYER)
def test_copy_is_equal_and_independent(name, dim, groups, clone):
    layer, x = layer_and_input(name, dim, groups)
    twin, expected = clone(layer), layer(x)
    assert torch.equal(twin(x), expected)
    nn.init.zeros_(layer.weight)
    assert torch.equal(twin(x), expected)


@pytest.mark.parametrize(("name", "dim", "groups"), EVERY_LAYER)
def test_state_dict_holds_weight_and_bias_and_carries_the_function_over(name, dim, groups):
    layer, x = layer_and_input(name, dim, groups)
    other, _ = layer_and_input(name, dim, groups)
    assert set(layer.state_dict()) == {"weight", "bias"}
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize(("name", "dim", "groups"), EVERY_LAYER)
def test_autocast_computes_in_bfloat16(name, dim, groups):
    layer, x = layer_and_input(name, dim, groups)
    with torch.autocast("cpu", torch.bfloat16):
        result = layer(x)
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), layer(x), atol=0.05, rtol=0.05)
    result.float().sum().backward()
    assert layer.weight.grad.dtype == torch.float32


def test_channels_last_gives_the_same():
    layer, x = layer_and_input("operational", 2, 1)
    expected = layer(x)
    result = layer.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    assert result.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(result, expected)

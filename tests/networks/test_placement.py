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

from monai_r2c.networks import R2CDiscriminator, R2CGenerator, WrappedGenerator, set_memory_format, to_device


def test_networks_on_the_cpu_are_channels_last_and_give_the_same() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 1, 31, 38) * 2 - 1
    for network in (R2CGenerator(2, features=8), R2CDiscriminator(2, features=8)):
        before = network(x)
        assert to_device(network, "cpu") is network
        kernels = [p for p in network.parameters() if p.dim() == 4]
        assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
        torch.testing.assert_close(network(x), before, atol=1e-5, rtol=1e-5)


def test_features_stay_channels_last_all_the_way() -> None:
    network = to_device(R2CGenerator(2, features=8), "cpu")
    formats = []
    for module in network.modules():
        if not list(module.children()) and not isinstance(module, torch.nn.Identity):
            module.register_forward_hook(lambda m, i, y: formats.append((type(m).__name__, y)))
    network(torch.rand(2, 1, 32, 32))
    images = [(name, y) for name, y in formats if y.dim() == 4 and y.shape[1] > 1]
    assert len(images) > 5
    assert [name for name, y in images if not y.is_contiguous(memory_format=torch.channels_last)] == []


def test_gradients_are_those_of_channels_first() -> None:
    torch.manual_seed(0)
    first = R2CGenerator(2, features=8).double()
    last = to_device(R2CGenerator(2, features=8).double(), "cpu")
    last.load_state_dict(first.state_dict())
    x = torch.rand(1, 1, 32, 32, dtype=torch.float64) * 2 - 1
    for network in (first, last):
        image, logits = network(x)
        (image.square().mean() + logits.square().sum()).backward()
    for (name, p), q in zip(first.named_parameters(), last.parameters()):
        torch.testing.assert_close(p.grad, q.grad, msg=name)


def test_volumes_go_through() -> None:
    network = to_device(R2CGenerator(3, features=4), "cpu")
    image = torch.rand(1, 1, 8, 8, 8)
    assert network(image)[0].shape == (1, 1, 8, 8, 8)
    torch.testing.assert_close(set_memory_format(network, "channels_last")(image), network(image))
    with pytest.raises(ValueError, match="memory_format must be contiguous or channels_last, got 'chanels_last'"):
        set_memory_format(network, "chanels_last")


def test_wrapped_networks_keep_their_memory_format() -> None:
    network = to_device(WrappedGenerator("UNet", {"channels": (4, 8, 16), "strides": (2, 2)}), "cpu")
    weights = [weight for weight in network.parameters() if weight.dim() == 4]
    assert len(weights) > 4
    assert all(weight.is_contiguous() for weight in weights)

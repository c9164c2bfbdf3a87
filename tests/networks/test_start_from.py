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

import logging
from pathlib import Path

import pytest
import torch

from monai_r2c.networks import R2CGenerator, WrappedGenerator, save_model, start_from
from monai_r2c.utils import InputError


def generator(**changes) -> R2CGenerator:
    return R2CGenerator(2, **{"features": 4, **changes})


def same(first: torch.nn.Module, second: torch.nn.Module) -> list[str]:
    weights = second.state_dict()
    return [name for name, value in first.state_dict().items() if torch.equal(value, weights[name])]


def test_restorer_and_degrader_take_the_weights_of_the_file(tmp_path: Path):
    trained, back, restorer, degrader = (generator() for _ in range(4))
    save_model(tmp_path / "model.pt", trained, ["a", "b"], 16, degrader=back)
    start_from(tmp_path / "model.pt", restorer, degrader)
    assert same(restorer, trained) == same(degrader, back) == list(trained.state_dict())


def test_degrader_stays_where_the_file_holds_none(tmp_path: Path):
    trained, restorer, degrader = (generator() for _ in range(3))
    save_model(tmp_path / "model.pt", trained, ["a", "b"], 16)
    before = [p.clone() for p in degrader.parameters()]
    start_from(tmp_path / "model.pt", restorer, degrader)
    assert all(torch.equal(p, b) for p, b in zip(degrader.parameters(), before))


def test_head_of_other_classes_starts_anew_and_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    trained, restorer = generator(), generator(num_classes=3)
    save_model(tmp_path / "model.pt", trained, ["a", "b"], 16)
    with caplog.at_level(logging.WARNING):
        start_from(tmp_path / "model.pt", restorer)
    assert "another number of classes" in caplog.text
    kept = {n for n, v in restorer.state_dict().items() if v.shape == trained.state_dict()[n].shape}
    assert all(torch.equal(restorer.state_dict()[n], trained.state_dict()[n]) for n in kept)
    assert set(restorer.state_dict()) - kept == {"head.linear.weight", "head.linear.bias"}


def test_gray_levels_start_without_effect(tmp_path: Path):
    unet = {"network": "UNet", "arguments": {"channels": [4, 8], "strides": [2]}}
    trained, restorer = WrappedGenerator(**unet), WrappedGenerator(**unet, gray_levels=3)
    save_model(tmp_path / "model.pt", trained, ["a", "b"], 16)
    start_from(tmp_path / "model.pt", restorer)
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for found, expected in zip(restorer.eval()(image), trained.eval()(image)):
        torch.testing.assert_close(found, expected)


def test_another_architecture_is_refused_in_one_line(tmp_path: Path):
    save_model(tmp_path / "model.pt", generator(order=2), ["a", "b"], 16)
    with pytest.raises(InputError, match=r"start_from: the network of .*model\.pt is another than the run's"):
        start_from(tmp_path / "model.pt", generator())

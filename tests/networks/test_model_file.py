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

import pytest
import torch

from monai_r2c.networks import (
    R2CDiscriminator,
    R2CGenerator,
    has_degrader,
    load_degrader,
    load_restorer,
    read_settings,
    save_model,
)
from monai_r2c.utils import InputError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "model.pt"
    network = R2CGenerator(2, 3, 2, order=2, features=4, class_pooling="mean_max")
    save_model(path, network, ["non-covid", "covid"], 64, poor_discriminator=R2CDiscriminator(2, 3, features=2))
    return path


def test_restorer_comes_back_with_its_settings(model: Path) -> None:
    network, settings = load_restorer(model)
    assert (settings.variant, settings.order, settings.channels) == ("operational", 2, 3)
    assert settings.classes == ("non-covid", "covid")
    assert settings.image_size == 64
    assert read_settings(model) == settings
    assert not network.training
    weights = torch.load(model, weights_only=True)["restorer"]
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_degrader_comes_back_where_there_is_one(model: Path, tmp_path: Path) -> None:
    degrader = R2CGenerator(2, features=4)
    save_model(tmp_path / "both.pt", R2CGenerator(2, features=4), ["a", "b"], 64, degrader=degrader)
    loaded = load_degrader(tmp_path / "both.pt")
    assert all(torch.equal(value, degrader.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert has_degrader(tmp_path / "both.pt")
    assert not has_degrader(model)
    with pytest.raises(InputError, match=r"model\.pt: the model file holds no degrader"):
        load_degrader(model)


def test_nothing_but_the_model_is_left_in_its_folder(model: Path) -> None:
    assert [path.name for path in model.parent.iterdir()] == ["model.pt"]


@pytest.mark.parametrize(
    ("key", "value", "found"), [("variant", "convolutional", "operational"), ("order", 3, 2), ("channels", 1, 3)]
)
def test_model_of_other_architecture_is_refused_with_both(model: Path, key: str, value: object, found: object) -> None:
    with pytest.raises(InputError, match=rf"model\.pt: the model has {key} {found}, not {value}"):
        load_restorer(model, **{key: value})


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt: no model file there"):
        load_restorer(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_other_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.pt"
    if content is None:
        torch.save({"weights": torch.zeros(1)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pt: (cannot be read as|is not) a model file"):
        load_restorer(path)


def test_truncated_file_is_refused(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-200])
    with pytest.raises(InputError, match="cannot be read as a model file"):
        read_settings(model)

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

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from ignite.handlers import Checkpoint
from monai.handlers import CheckpointLoader
from monai.networks import copy_model_state

from monai_r2c.networks import (
    R2CClassifier,
    R2CDiscriminator,
    R2CGenerator,
    R2CRestorer,
    WrappedGenerator,
    annotate_model,
    as_generator,
    as_restorer,
    box_path,
    build_restorer,
    describe_model,
    find_model,
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
    weights = torch.load(model, weights_only=True)
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
        torch.save({"model": {"weights": torch.zeros(1)}, "epoch": 3}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pt: (cannot be read as|is not) a model file"):
        load_restorer(path)


def test_the_file_is_the_restorer_s_state_dict_and_any_strict_loader_takes_it(model: Path) -> None:
    restorer = load_restorer(model)[0]
    arguments = read_settings(model).generator
    for network, load in (
        (R2CGenerator(**arguments), lambda n: n.load_state_dict(torch.load(model, weights_only=True))),
        (R2CRestorer(**arguments), lambda n: Checkpoint.load_objects({"": n}, str(model))),  # as ckpt_export does
        (R2CRestorer(**arguments), lambda n: Checkpoint.load_objects({"network": n}, str(model))),
        (
            R2CClassifier(**arguments),
            lambda n: CheckpointLoader(str(model), {"network": n}, strict=True)(Engine(print)),
        ),
    ):
        load(network)
        assert all(torch.equal(value, restorer.state_dict()[name]) for name, value in network.state_dict().items())


def test_monai_copies_every_weight_of_the_file(model: Path) -> None:
    network = R2CRestorer(**read_settings(model).generator)
    _, changed, unchanged = copy_model_state(network, torch.load(model, weights_only=True))
    assert (len(changed), unchanged) == (len(network.state_dict()), [])


def test_what_is_no_weight_stands_in_one_place(model: Path) -> None:
    about = torch.load(model, weights_only=True)._metadata["monai_r2c"]
    assert sorted(about) == ["classes", "format", "generator", "image_size", "others"]
    assert list(about["others"]) == ["poor_discriminator"]


def test_file_of_the_nested_format_still_loads(model: Path, tmp_path: Path) -> None:
    contents = torch.load(model, weights_only=True)
    about = contents._metadata["monai_r2c"]
    old = {"format": "monai_r2c model 1", "restorer": dict(contents), "degrader": dict(contents)}
    old |= {name: about[name] for name in ("generator", "classes", "image_size")}
    torch.save(old, tmp_path / "old.pt")
    restorer, settings = load_restorer(tmp_path / "old.pt")
    assert settings == read_settings(model)
    assert has_degrader(tmp_path / "old.pt")
    for network in (restorer, load_degrader(tmp_path / "old.pt"), build_restorer(tmp_path / "old.pt")):
        assert all(torch.equal(value, contents[name]) for name, value in network.state_dict().items())


def test_bare_state_dict_is_refused_for_it_does_not_say_what_it_is(tmp_path: Path) -> None:
    torch.save(R2CGenerator(2, features=4).state_dict(), tmp_path / "bare.pt")
    with pytest.raises(InputError, match=r"bare\.pt: is a state dict that does not say its architecture and classes"):
        load_restorer(tmp_path / "bare.pt")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda weights, about: weights.popitem(), r"1 of 13 differ, such as head\.linear\.bias"),
        (
            lambda weights, about: about["generator"].update(variant="convolutional_light"),
            "do not fit the convolutional_light network",
        ),
        (lambda weights, about: about["generator"].update(order=1), "do not fit the operational network of order 1"),
        (lambda weights, about: about["generator"].update(shade=1), "its network cannot be built .*shade"),
        (lambda weights, about: about.update(generator={"network": "os.abort"}), "must name the class of a network"),
        (lambda weights, about: about.pop("classes"), r"damaged model file \(KeyError\('classes'\)\)"),
    ],
)
def test_file_that_does_not_fit_is_refused_in_one_line(model: Path, spoil: Callable, message: str) -> None:
    weights = torch.load(model, weights_only=True)
    spoil(weights, weights._metadata["monai_r2c"])
    torch.save(weights, model)
    with pytest.raises(InputError, match=message) as caught:
        load_restorer(model)
    assert "\n" not in str(caught.value)


def test_network_of_a_bundle_follows_its_model_file_where_there_is_one(model: Path, tmp_path: Path) -> None:
    found = build_restorer(model)
    assert (found.order, found.in_channels, found.features) == (2, 3, 4)
    assert torch.equal(found.down[0][1].weight, load_restorer(model)[0].down[0][1].weight)
    with pytest.raises(InputError, match="the model has features 4, not 8; give --features 4"):
        build_restorer(model, features=8)
    fresh = build_restorer(tmp_path / "none.pt", variant="convolutional_light", channels=2, features=8)
    assert (fresh.variant, fresh.in_channels, fresh.features) == ("convolutional_light", 2, 8)
    assert build_restorer(tmp_path / "none.pt", features=4).class_features == "preactivation"
    assert not any(module.training for network in (found, fresh) for module in network.modules())


def test_model_of_a_run_goes_before_that_of_the_bundle_and_that_before_the_box(model: Path, tmp_path: Path) -> None:
    bundled = tmp_path / "models"
    bundled.mkdir()
    shutil.copy(model, bundled)
    assert find_model(model.parent, bundled) == str(model)
    assert find_model(tmp_path / "none", bundled) == str(bundled / "model.pt")
    (bundled / "model.pt").unlink()
    assert find_model(tmp_path / "none", bundled) == str(box_path())


def test_a_run_without_a_model_does_not_get_another_one_unasked(tmp_path: Path) -> None:
    (tmp_path / "configuration.json").write_text("{}")
    assert find_model(tmp_path, tmp_path / "models") == str(tmp_path / "model.pt")


def test_notes_and_statistics_are_added_and_the_rest_stays(model: Path, tmp_path: Path) -> None:
    before = torch.load(model, weights_only=True)
    kept = {"familiarity": {"limit": 2.0, "mean": torch.arange(3.0)}}
    annotate_model(model, {"name": "a name", "trained_on": "four images"})
    annotate_model(model, {"trained_on": "five images"}, kept, tmp_path / "other.pt", others=False)
    settings = read_settings(tmp_path / "other.pt")
    assert settings.notes == {"name": "a name", "trained_on": "five images"}
    assert torch.equal(settings.statistics["familiarity"]["mean"], torch.arange(3.0))
    assert settings.classes == ("non-covid", "covid")
    after = load_restorer(tmp_path / "other.pt")[0].state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    digest = hashlib.sha256((tmp_path / "other.pt").read_bytes()).hexdigest()[:12]
    line = describe_model(tmp_path / "other.pt")
    assert line == f"Model: a name (SHA-256 {digest}), trained on five images; for research only."


def test_file_of_another_version_is_refused_by_its_version(model: Path) -> None:
    weights = torch.load(model, weights_only=True)
    weights._metadata["monai_r2c"]["format"] = "monai_r2c model 3"
    torch.save(weights, model)
    with pytest.raises(InputError, match=r"another version \(monai_r2c model 3\); this one reads .* 1 and 2"):
        read_settings(model)


def test_views_are_one_network_with_the_same_weights() -> None:
    restorer = R2CRestorer(2, features=4).eval()
    generator, image = as_generator(restorer), torch.rand(1, 1, 8, 8)
    assert torch.equal(generator(image)[0], restorer(image))
    generator.double()
    assert all(value is other for value, other in zip(generator.parameters(), restorer.parameters()))
    assert restorer(image.double()).dtype == torch.float64
    assert isinstance(as_restorer(generator), R2CRestorer)


def test_views_are_in_the_mode_of_the_network_they_show() -> None:
    network = WrappedGenerator("UNet", {"channels": (4, 8), "strides": (2,)}, residual=True)
    view, image = as_restorer(network), torch.full((1, 1, 8, 8), 3.0)
    network.eval()
    assert view(image).max() == network(image)[0].max() == 1


def test_truncated_file_is_refused(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-200])
    with pytest.raises(InputError, match="cannot be read as a model file"):
        read_settings(model)

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

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from monai.bundle import ComponentLocator, ConfigWorkflow

import monai_r2c  # noqa: F401  # MONAI finds its classes by their short names then
from monai_r2c.utils import InputError, find_input_error

OWN = """
image_size: 256
learning_rate: 0.1
spare: null  # nothing refers to it, but it is the bundle's own
settings: {image_size: '@image_size'}
network:
  _target_: R2CRestorer
  spatial_dims: 2
  features: 4
train:
  size: '@image_size'
  trainer: {_target_: monai.handlers.StatsHandler, name: '@learning_rate', output_transform: '@train::size'}
validate:
  trainer: null
initialize:
- $monai_r2c.utils.check_keys('own.yaml')
- '@settings'
run: ['@train::trainer']
"""


@pytest.fixture(autouse=True, scope="module")
def _one_table_of_components() -> Iterator[None]:
    """MONAI's table of all its classes takes a second to make, for each config anew."""
    table = ComponentLocator()._find_classes_or_functions(ComponentLocator()._find_module_names())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ComponentLocator, "_find_classes_or_functions", lambda *_: table)
        yield


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text("imports: [$import monai_r2c]\n" + OWN)
    return path


def initialize(own: Path, other: str = "", **overrides: object) -> None:
    """Initialize the workflow of the bundle's own file and an override file of the user's."""
    override = own.with_name("override.yaml")
    override.write_text(other)
    files = [str(own), str(override)] if other else [str(own)]
    options = {"workflow_type": None, "logging_file": False, "meta_file": None}
    try:
        ConfigWorkflow(files, **options, **overrides).initialize()
    except Exception as error:
        line = find_input_error(error)
        if line is None:
            raise
        raise InputError(line) from None


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("imagesize", "imagesize: there is no such key.*; did you mean image_size or settings::image_size"),
        ("settings#imagesize", "settings::imagesize: there is no such key.* did you mean image_size"),
        ("train::trainr", "train::trainr: .* did you mean train::trainer or validate::trainer or train"),
        ("network#feature", r"network::feature: R2CRestorer takes no argument of this name; did you mean features"),
        (
            "train::trainer::tag",
            "train::trainer::tag: StatsHandler takes no argument .*; it takes iteration_log, .*, tag_name",
        ),
        ("zzz", "zzz: .*; see the settings at the top of the config"),
    ],
)
def test_mistyped_key_is_refused_with_the_nearest_ones(own: Path, key: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        initialize(own, **{key: 1})
    with pytest.raises(InputError, match=message):
        initialize(own, f"'{key}': 1")


def test_own_keys_may_all_be_overridden(own: Path) -> None:
    initialize(own)
    overrides = {"spare": 1, "train::size": 3, "network#features": 8, "learning_rate": None}
    initialize(own, **overrides)
    initialize(own, "\n".join(f"'{key}': {value or 'null'}" for key, value in overrides.items()))


@pytest.mark.parametrize(
    "entries",
    [
        "mine: 3\nimage_size: '@mine'",
        "mine: {a: 3, b: 4}\nimage_size: $@mine['a']",
        "mine: {a: 3}\nimage_size: '@mine::a'",
        "train::mine: 3\ntrain::size: '@train::mine'",
        "network: {_target_: monai.networks.nets.AutoEncoder, spatial_dims: 2, in_channels: 1}",
        "_comment_: nothing reads this",
        "+initialize: ['@mine']\nmine: 3",
    ],
)
def test_entries_of_ones_own_that_something_refers_to_are_allowed(own: Path, entries: str) -> None:
    initialize(own, entries)


@pytest.mark.parametrize(
    "entries",
    ["mine: 3", "mine: {a: 3, b: '@mine::a'}", "mine: {a: 3, b: 4}\nimage_size: '@mine::a'", "train::mine: 3"],
)
def test_entries_that_nothing_refers_to_are_not(own: Path, entries: str) -> None:
    with pytest.raises(InputError, match=r"mine(::b)?: there is no such key, and nothing in the config refers to it"):
        initialize(own, entries)


@pytest.mark.parametrize(
    ("others", "overrides"),
    [([], {}), (["demo.yaml"], {"max_epochs": 1}), ([], {"train::trainer::max_epochs": 1, "val_native": True})],
)
def test_training_reads_each_file_once(
    configs: Path, monkeypatch: pytest.MonkeyPatch, others: list[str], overrides: dict[str, object]
) -> None:
    parsed: list[object] = []
    monkeypatch.setattr(yaml, "load", lambda *given, load=yaml.load: parsed.append(given) or load(*given))
    files = ["train.yaml", *others]
    workflow = ConfigWorkflow([str(configs / file) for file in files], None, run_id="training", **overrides)
    with pytest.raises(RuntimeError) as caught:
        workflow.initialize()
    assert "dataset_dir" in (find_input_error(caught.value) or "")
    assert len(parsed) == len(files)


def test_run_by_a_key_of_ones_own_is_known(own: Path) -> None:
    initialize(own, "fast: ['@train::trainer']", run_id="fast")
    with pytest.raises(InputError, match="fast: there is no such key"):
        initialize(own, "fast: ['@train::trainer']")


def test_config_under_another_name_has_its_arguments_checked(own: Path) -> None:
    renamed = own.rename(own.with_name("renamed.yaml"))
    initialize(renamed, mine=3)
    with pytest.raises(InputError, match="network::feature: R2CRestorer takes no argument"):
        initialize(renamed, **{"network::feature": 3})


@pytest.mark.parametrize(
    ("files", "key", "message"),
    [
        (["train.yaml"], "imagesize", "imagesize: there is no such key.* did you mean image_size"),
        (["train.yaml"], "max_epoch", "max_epoch: .* did you mean max_epochs"),
        (["train.yaml"], "train#trainer#max_epoch", "max_epoch: R2CTrainer takes no argument .* mean max_epochs"),
        (["train.yaml"], "settings#learning_rat", "settings::learning_rat: .* did you mean learning_rate"),
        (["train.yaml", "demo.yaml"], "val_intervall", "val_intervall: .* did you mean val_interval"),
        (["train.yaml", "multi_gpu_train.yaml"], "poor_pool::sed", "poor_pool::sed: ImagePool takes .* mean seed"),
        (["train.yaml", "evaluate.yaml"], "resample", "resample: .* did you mean resamples"),
        (["train.yaml", "evaluate.yaml"], "validate::evaluator::clasify_restored", "did you mean classify_restored"),
        (["inference.yaml"], "image", "image: .* did you mean images"),
        (["inference.yaml"], "max_epochs", "max_epochs: there is no such key"),
        (["inference.yaml"], "inferer#siz", "inferer::siz: RestorationInferer takes no argument .* mean size"),
    ],
)
def test_mistyped_key_ends_each_run_of_the_bundle_before_it_starts(
    configs: Path, tmp_path: Path, files: list[str], key: str, message: str
) -> None:
    output_dir = tmp_path / "run"
    workflow = ConfigWorkflow([str(configs / file) for file in files], None, output_dir=str(output_dir), **{key: 3})
    with pytest.raises(RuntimeError) as caught:
        workflow.initialize()
    line = find_input_error(caught.value)
    assert line is not None
    assert re.search(message, line), line
    assert not output_dir.exists()

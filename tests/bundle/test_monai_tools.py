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

"""The examples of docs/source/howto/monai_tools.md, run one after another as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigWorkflow
from monai.handlers import StatsHandler

from monai_r2c.networks import R2CGenerator, load_restorer, save_model

PAGE = Path(__file__).parents[2] / "docs/source/howto/monai_tools.md"
NAME = "chest_xray_restore_classify"


@pytest.fixture
def folder(configs: Path, dataset_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page says is there: the bundle with a model, images, and the same bundle in a zip file."""
    shutil.copytree(configs.parent, tmp_path / "bundle")
    torch.manual_seed(0)
    save_model(tmp_path / "bundle/models/model.pt", R2CGenerator(2, features=4), ["non-covid", "covid"], 16)
    shutil.copytree(tmp_path / "bundle", tmp_path / "shared" / NAME)
    shutil.make_archive(str(tmp_path / "shared" / NAME), "zip", tmp_path / "shared", NAME)
    shutil.copytree(dataset_dir / "testA", tmp_path / "radiographs")
    shutil.copytree(dataset_dir, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_of_the_page_does_what_it_says(folder: Path) -> None:
    names: dict = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)
    assert names["restored"].shape == names["image"].shape
    assert names["logits"].shape == (1, 2)
    assert {path.name for path in (folder / "restored/restored").glob("*.png")} == {"0.png", "1.png", "2.png"}
    assert (folder / "run/model.pt").is_file()
    assert (folder / "unpacked" / NAME / "configs/train.yaml").is_file()
    weights = load_restorer(folder / "bundle/models/model.pt")[0].state_dict()
    for name, value in names["network"].state_dict().items():
        assert torch.equal(value, weights[name])


def test_override_file_of_the_documentation_adds_a_handler(folder: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (PAGE.parents[1] / "bundle.md").read_text(), re.DOTALL)
    (folder / "mine.yaml").write_text(example)
    files = ["bundle/configs/train.yaml", "mine.yaml"]
    settings = {"classes": "non-covid,covid", "image_size": 16, "features": 4, "device": "cpu"}
    workflow = ConfigWorkflow(files, workflow_type="train", dataset_dir="data", output_dir="run", **settings)
    workflow.initialize()
    assert workflow.check_properties() == []
    assert workflow.trainer.generator_loss.weights["cycle"] == 5
    assert isinstance(workflow.train_handlers[-1].handlers[0], StatsHandler)


def test_a_network_of_ones_own_takes_the_place_of_network_def(folder: Path) -> None:
    workflow = ConfigWorkflow("bundle/configs/inference.yaml", workflow_type="inference", bundle_root="bundle")
    workflow.parser.update({"dataset_dir": "radiographs", "device": "cpu"})
    other = R2CGenerator(2, features=4)
    workflow.initialize()
    workflow.network_def = other
    workflow.initialize()
    assert next(workflow.evaluator.restorer.parameters()) is next(other.parameters())

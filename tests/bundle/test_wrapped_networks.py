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

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from monai.bundle import ConfigWorkflow, ckpt_export, run

from monai_r2c.apps.cli import cli
from monai_r2c.networks import WrappedGenerator, box_path, has_degrader, load_degrader, load_restorer, read_settings
from monai_r2c.utils import find_input_error

UNET = {
    "_target_": "WrappedRestorer",
    "network": "UNet",
    "arguments": {"channels": [4, 8], "strides": [2]},
    "order": 2,
}


def train(configs: Path, dataset_dir: Path, output_dir: Path, **settings: object) -> None:
    small = {"classes": "non-covid,covid", "image_size": 16, "val_interval": 9, "device": "cpu", "decay_epoch": 9}
    given = {"dataset_dir": str(dataset_dir), "output_dir": str(output_dir), "discriminator_features": 4, **small}
    run("training", config_file=[str(configs / "train.yaml")], **{**given, **settings})


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_network_of_monai_trains_resumes_evaluates_restores_and_exports(
    configs: Path, dataset_dir: Path, tmp_path: Path
) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    train(configs, dataset_dir, twice, network_def=UNET, max_epochs=1)
    found = json.loads((twice / "configuration.json").read_text())["settings"]
    named = {key: found[key] for key in ("precision", "memory_format")}
    train(configs, dataset_dir, once, network_def=UNET, max_epochs=2, **named)
    train(configs, dataset_dir, twice, network_def=UNET, max_epochs=2, resume=True)
    settings = read_settings(once / "model.pt")
    assert (settings.variant, settings.order, settings.channels) == ("UNet", 2, 1)
    restorer = load_restorer(once / "model.pt")[0]
    assert isinstance(restorer, WrappedGenerator)
    one, two = (torch.load(path / "checkpoints/epoch_0002.pt", weights_only=True)["restorer"] for path in (once, twice))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert has_degrader(once / "model.pt")
    assert isinstance(load_degrader(once / "model.pt"), WrappedGenerator)

    files = [str(configs / "train.yaml"), str(configs / "evaluate.yaml")]
    run("evaluating", config_file=files, output_dir=str(once), resamples=0, device="cpu")
    assert "cycle_error" in (once / "evaluation.csv").read_text()
    arguments = [str(dataset_dir / "testA"), "--model", str(once / "model.pt"), "--output", str(tmp_path / "folder")]
    restored = CliRunner().invoke(cli, ["restore", *arguments, "--device", "cpu"])
    assert restored.exit_code == 0, restored.output
    for image in (tmp_path / "folder").glob("*.png"):
        assert image.read_bytes() == (once / "restored" / image.name).read_bytes()
    assert len(list((tmp_path / "folder").glob("*.png"))) == 3

    exported = tmp_path / "model.ts"
    path, config = str(once / "model.pt"), str(configs / "inference.yaml")
    options = {"ckpt_file": path, "model": path, "meta_file": str(configs / "metadata.json"), "config_file": config}
    ckpt_export("network_def", filepath=str(exported), use_trace=True, input_shape=[1, 1, 16, 24], **options)
    image = torch.rand(1, 1, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.testing.assert_close(torch.jit.load(exported)(image), restorer(image)[0])


@pytest.mark.parametrize(
    ("network_def", "message"),
    [
        (
            {"_target_": "UNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 1, **UNET["arguments"]},
            "network_def: UNet does not restore and classify; give an R2CRestorer, or {'_target_': 'WrappedRestorer'",
        ),
        ({**UNET, "num_classes": 3}, "network_def: has 3 classes where the images have 2, non-covid, covid"),
        ({**UNET, "in_channels": 3}, "network_def: has 3 channels where channels is 1"),
    ],
)
def test_network_that_does_not_fit_the_run_ends_it_with_one_line(
    configs: Path, dataset_dir: Path, tmp_path: Path, network_def: dict, message: str
) -> None:
    with pytest.raises(RuntimeError) as caught:
        train(configs, dataset_dir, tmp_path, max_epochs=1, network_def=network_def)
    line = find_input_error(caught.value)
    assert line is not None
    assert message in line
    assert not (tmp_path / "checkpoints").exists()


def test_upsampling_is_a_setting_of_training(configs: Path, dataset_dir: Path, tmp_path: Path) -> None:
    train(configs, dataset_dir, tmp_path, max_epochs=1, features=4, upsampling="resize")
    assert read_settings(tmp_path / "model.pt").generator["upsampling"] == "resize"


@pytest.mark.skipif(not box_path().is_file(), reason="the tree holds no trained model")
def test_training_goes_on_from_the_model_in_the_box(configs: Path, dataset_dir: Path, tmp_path: Path) -> None:
    files = [str(configs / "train.yaml"), str(configs / "finetune.yaml")]
    given = {"dataset_dir": str(dataset_dir), "classes": "non-covid,covid", "image_size": 32, "learning_rate": 1e-9}
    workflow = ConfigWorkflow(
        files, workflow_type="train", run_id="training", output_dir=str(tmp_path), max_epochs=1, device="cpu", **given
    )
    workflow.initialize()
    workflow.run()
    trained, box = load_restorer(tmp_path / "model.pt")[0].state_dict(), load_restorer("box")[0].state_dict()
    assert trained.keys() == box.keys()
    for name, value in trained.items():
        torch.testing.assert_close(value, box[name], atol=1e-4, rtol=0)

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
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from monai.bundle import ConfigParser, ConfigWorkflow, ckpt_export

from monai_r2c.networks.layers import OperationalConv3d

EXAMPLES = Path(__file__).parents[2] / "docs/source/examples"
CONFIGS = EXAMPLES / "operational_unet/configs"
TRAIN = str(CONFIGS / "train.yaml")
CONVERTED = [TRAIN, str(CONFIGS / "converted_unet.yaml")]
SMALL = {"train_volumes": 8, "val_volumes": 2, "device": "$torch.device('cpu')"}


def configured_network(config_file: str | list[str], **overrides) -> torch.nn.Module:
    parser = ConfigParser()
    parser.read_config(config_file)
    parser.update(overrides)
    return parser.get_parsed_content("network_def").eval()


def test_operational_unet_trains_from_its_config_alone(tmp_path: Path):
    overrides = {**SMALL, "output_dir": str(tmp_path), "max_epochs": 2}
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", "configs/train.yaml"]
    command += [part for key, value in overrides.items() for part in (f"--{key}", str(value))]
    done = subprocess.run(command, cwd=CONFIGS.parent, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    scores = [
        float(score) for score in re.findall(r"Epoch\[\d+\] Metrics -- val_mean_dice: (\S+)", done.stderr + done.stdout)
    ]
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)

    network = configured_network(TRAIN)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    assert all(not torch.equal(before[key], value) for key, value in network.state_dict().items() if "weight" in key)


@pytest.mark.parametrize("config_file", [TRAIN, CONVERTED], ids=["by name", "converted"])
def test_every_convolution_of_the_configured_network_has_the_order(config_file):
    network = configured_network(config_file, order=2)
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.modules.conv._ConvNd)]
    assert {module.order for module in convolutions} == {2}
    assert any(isinstance(module, OperationalConv3d) for module in convolutions)


@pytest.mark.parametrize("config_file", [TRAIN, CONVERTED], ids=["by name", "converted"])
def test_trained_network_learns_and_exports_through_the_bundle(config_file, tmp_path: Path):
    workflow = ConfigWorkflow(config_file, workflow_type="train", **SMALL, output_dir=str(tmp_path), max_epochs=4)
    workflow.initialize()
    workflow.run()
    network = workflow.parser.get_parsed_content("network").eval()
    assert workflow.parser.get_parsed_content("validator").state.best_metric > 0.5

    ckpt_export(
        "network_def",
        filepath=tmp_path / "model.ts",
        ckpt_file=tmp_path / "model.pt",
        meta_file=str(CONFIGS / "metadata.json"),
        config_file=config_file,
    )
    network.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    x = torch.empty(1, 1, 16, 16, 16).uniform_(-1, 1)
    torch.testing.assert_close(torch.jit.load(tmp_path / "model.ts")(x), network(x), atol=1e-5, rtol=1e-5)


def test_pretrained_script_keeps_the_function_and_trains_on():
    main = runpy.run_path(str(EXAMPLES / "pretrained_to_operational.py"))["main"]
    result = CliRunner().invoke(main, ["--steps", "4"], catch_exceptions=False)
    scores = dict(re.findall(r"^(.+?) +Dice (\S+)$", result.output, re.MULTILINE))
    assert scores["converted, not yet trained"] == scores["trained UNet"]
    assert scores["trained on, operational"] != scores["trained UNet"]
    assert set(scores) >= {"trained on, plain", "back to plain convolutions"}

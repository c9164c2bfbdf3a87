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

import numpy as np
import onnxruntime
import pytest
import torch
from monai.bundle import ckpt_export, onnx_export, verify_metadata, verify_net_in_out

import monai_r2c
from monai_r2c.networks import R2CGenerator, load_restorer, save_model

SCHEMA = Path(__file__).with_name("metadata_schema.json")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.pt"
    torch.manual_seed(1)
    save_model(path, R2CGenerator(2, class_features="preactivation"), ["non-covid", "covid"], 64)
    return path


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(1, 1, 32, 48, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize("n", [8, 17])
def test_network_takes_and_gives_what_the_metadata_says(configs: Path, n: int) -> None:
    meta, config = str(configs / "metadata.json"), str(configs / "inference.yaml")
    verify_net_in_out("network_def", meta_file=meta, config_file=config, device="cpu", n=n)


def test_metadata_fits_the_schema_offline(configs: Path) -> None:
    verify_metadata(meta_file=str(configs / "metadata.json"), filepath=str(SCHEMA))


def test_metadata_names_the_version_of_the_package(configs: Path) -> None:
    metadata = json.loads((configs / "metadata.json").read_text())
    assert metadata["version"] == metadata["required_packages_version"]["monai_r2c"] == monai_r2c.__version__
    assert metadata["version"] in metadata["changelog"]


def _arguments(configs: Path, model: Path, output: Path) -> dict[str, str]:
    files = {"meta_file": str(configs / "metadata.json"), "config_file": str(configs / "inference.yaml")}
    return {**files, "filepath": str(output), "ckpt_file": str(model), "key_in_ckpt": "restorer"}


def test_exported_torchscript_restores_as_the_model_does(configs, model, image, tmp_path: Path) -> None:
    ckpt_export("network_def", **_arguments(configs, model, tmp_path / "model.ts"))
    exported, restorer = torch.jit.load(tmp_path / "model.ts"), load_restorer(model)[0]
    assert (exported(image) - restorer(image)[0]).abs().max() < 1e-5  # each is 5e-6 from the exact image
    exact = restorer.double()(image.double())[0]
    assert (exported.double()(image.double()) - exact).abs().max() < 1e-12


def test_exported_onnx_restores_as_the_model_does(configs, model, image, tmp_path: Path) -> None:
    shape = list(image.shape)
    onnx_export("network_def", **_arguments(configs, model, tmp_path / "model.onnx"), input_shape=shape)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (restored,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    assert np.abs(restored - load_restorer(model)[0](image)[0].detach().numpy()).max() < 1e-5

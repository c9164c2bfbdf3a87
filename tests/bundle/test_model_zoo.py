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

"""What the model zoo does with a bundle before it is admitted, on a copy of the bundle with weights of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.bundle import ConfigWorkflow, ckpt_export, onnx_export, verify_metadata, verify_net_in_out
from onnx_session import onnx_session

import monai_r2c
from monai_r2c.networks import load_restorer

SCHEMA = Path(__file__).with_name("metadata_schema.json")
LARGEST_FILE = 25 * 2**20  # of the zoo; what is larger goes elsewhere
SMALL = {"image_size": 16, "features": 4, "max_epochs": 1, "val_interval": 1, "classes": "non-covid,covid"}


def workflow(kind: str, run_id: str, *files: str, **settings: object) -> ConfigWorkflow:
    """Initialize a run of the bundle in the working directory."""
    paths = [f"configs/{file}" for file in files]
    found = ConfigWorkflow(paths, workflow_type=kind, run_id=run_id, device="cpu", **settings)
    found.initialize()
    return found


@pytest.fixture(scope="module")
def copied(configs: Path, dataset_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the bundle whose models/model.pt a run of it has trained."""
    bundle = tmp_path_factory.mktemp("zoo") / configs.parent.name
    shutil.copytree(configs.parent, bundle)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bundle)
        run = workflow("train", "training", "train.yaml", dataset_dir=str(dataset_dir), output_dir="run", **SMALL)
        assert run.check_properties() == []
        run.run()
        run.finalize()
    shutil.copy(bundle / "run/model.pt", bundle / "models")
    return bundle


@pytest.fixture
def bundle(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture(scope="module")
def image() -> torch.Tensor:
    return torch.rand(1, 1, 33, 48, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_bundle_has_the_files_it_must_have_and_no_large_one(configs: Path) -> None:
    bundle = configs.parent
    must = (
        "LICENSE",
        "configs/metadata.json",
        "configs/inference.yaml",
        "configs/train.yaml",
        "docs/README.md",
        "models",
    )
    assert all((bundle / name).exists() for name in must)
    assert "Apache License" in (bundle / "LICENSE").read_text()
    assert all(path.stat().st_size < LARGEST_FILE for path in bundle.rglob("*"))


def test_metadata_fits_the_schema_and_names_its_versions(configs: Path) -> None:
    verify_metadata(meta_file=str(configs / "metadata.json"), filepath=str(SCHEMA))
    metadata = json.loads((configs / "metadata.json").read_text())
    assert metadata["version"] == metadata["required_packages_version"]["monai_r2c"] == monai_r2c.__version__
    assert metadata["version"] in metadata["changelog"]
    assert metadata["schema"].endswith("meta_schema_20240725.json")


@pytest.mark.parametrize(
    ("kind", "run_id", "files"),
    [
        ("train", "evaluating", ["train.yaml", "evaluate.yaml"]),
        ("evaluation", "evaluating", ["train.yaml", "evaluate.yaml"]),
        ("inference", "inference", ["inference.yaml"]),
    ],
)
def test_each_workflow_has_the_properties_and_runs_by_its_id(
    bundle: Path, dataset_dir: Path, tmp_path: Path, kind: str, run_id: str, files: list[str]
) -> None:
    output_dir, settings = bundle / "run", {"resamples": 0, "niqe_images": 2}
    if run_id == "inference":  # with the model of the bundle itself
        output_dir, settings = tmp_path / "out", {"dataset_dir": str(dataset_dir / "testA")}
    run = workflow(kind, run_id, *files, output_dir=str(output_dir), **settings)
    assert run.check_properties() == []
    run.run()
    run.finalize()
    assert len(list((output_dir / "restored").glob("*.png"))) == 3


def test_optional_properties_are_there_where_they_have_a_meaning(bundle: Path) -> None:
    merged = ("train.yaml", "evaluate.yaml")
    for kind, names in (
        ("train", "network_def evaluator val_interval val_handlers val_dataset val_dataset_data val_inferer "),
        ("train", "train_handlers train_preprocessing val_preprocessing val_postprocessing"),
        ("evaluation", "handlers preprocessing postprocessing dataset inferer evaluator network_def"),
    ):
        run = workflow(kind, "evaluating", *merged, output_dir="run")
        assert all(getattr(run, name) is not None for name in names.split())


@pytest.mark.parametrize("file", ["inference.yaml", "train.yaml"])
def test_network_takes_and_gives_what_the_metadata_says_without_weights(
    configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    meta, config = str(configs / "metadata.json"), str(configs / file)
    verify_net_in_out("network_def", meta_file=meta, config_file=config, device="cpu")
    untrained = {"features": 4, **({"model": "none.pt"} if file == "inference.yaml" else {})}
    verify_net_in_out("network_def", meta_file=meta, config_file=config, device="cpu", n=2, **untrained)


@pytest.mark.parametrize("use_trace", [False, True], ids=["script", "trace"])
def test_exported_torchscript_restores_as_the_model_does(
    bundle: Path, image: torch.Tensor, tmp_path: Path, use_trace: bool
) -> None:
    path = tmp_path / "model.ts"
    ckpt_export(filepath=str(path), config_file="configs/inference.yaml", use_trace=use_trace)
    exported, restorer = torch.jit.load(path), load_restorer("models/model.pt")[0]
    assert (exported(image) - restorer(image)[0]).abs().max() < 1e-5  # each is 5e-6 from the exact image
    exact = restorer.double()(image.double())[0]
    assert (exported.double()(image.double()) - exact).abs().max() < 1e-12


@pytest.mark.parametrize("shape", [None, [1, 1, 33, 48]], ids=["default", "given"])
def test_exported_onnx_restores_as_the_model_does(bundle: Path, tmp_path: Path, shape: list[int] | None) -> None:
    files = {"meta_file": "configs/metadata.json", "config_file": "configs/inference.yaml"}
    path = str(tmp_path / "model.onnx")
    onnx_export("network_def", filepath=path, ckpt_file="models/model.pt", input_shape=shape, **files)
    session = onnx_session(path)
    (given,) = session.get_inputs()
    inputs = torch.rand(given.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
    (restored,) = session.run(None, {given.name: inputs.numpy()})
    assert np.abs(restored - load_restorer("models/model.pt")[0](inputs)[0].detach().numpy()).max() < 1e-5

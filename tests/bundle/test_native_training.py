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
import pytest
import torch
from click.testing import CliRunner
from monai.bundle import run
from PIL import Image

from monai_r2c.apps.cli import cli
from monai_r2c.networks import NativeGenerator, load_restorer, read_settings
from monai_r2c.utils import find_input_error

WHOLE = {"spatial_dims": 2, "in_channels": 1, "features": 4}


@pytest.fixture(scope="module")
def large_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of several sizes, larger than the working size, in the published folder layout."""
    root = tmp_path_factory.mktemp("large")
    generator = np.random.default_rng(0)
    rows = ["file,label"]
    for folder in ("trainA", "trainB", "valA", "valB", "testA"):
        (root / folder).mkdir()
        for index in range(2):
            image = generator.integers(0, 255, (48 + 9 * index, 60), dtype=np.uint8)
            Image.fromarray(image).save(root / folder / f"{index}.png")
            rows.append(f"{folder}/{index}.png,{('healthy', 'ill')[index]}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root


def train(configs: Path, data: Path, output: Path, **settings: object) -> None:
    files = [str(configs / "train.yaml"), str(configs / "native.yaml")]
    small = {"image_size": 32, "local_features": 8, "whole": WHOLE, "start_from": "", "num_workers": 0}
    given = {"dataset_dir": str(data), "output_dir": str(output), "classes": "healthy,ill", "device": "cpu"}
    run("training", config_file=files, **{**given, **small, "val_interval": 9, "decay_epoch": 9, **settings})


def test_native_crops_train_resume_to_the_bit_and_restore(configs: Path, large_dir: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    warm = {"warm_start_epochs": 2}
    train(configs, large_dir, once, max_epochs=2, **warm)
    train(configs, large_dir, twice, max_epochs=1, **warm)
    train(configs, large_dir, twice, max_epochs=2, resume=True, **warm)
    one, two = (torch.load(path / "checkpoints/epoch_0002.pt", weights_only=True)["restorer"] for path in (once, twice))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert one["local.last.2.weight"].abs().sum() > 0
    kept = json.loads((once / "configuration.json").read_text())["settings"]
    assert (kept["local_features"], kept["letters_prob"], kept["image_size"]) == (8, 0.8, 32)
    settings = read_settings(once / "model.pt")
    assert settings.keeps_native_detail
    assert settings.image_size == 32
    assert isinstance(load_restorer(once / "model.pt")[0], NativeGenerator)
    arguments = [str(large_dir / "testA"), "--model", str(once / "model.pt"), "--output", str(tmp_path / "folder")]
    restored = CliRunner().invoke(cli, ["restore", *arguments, "--device", "cpu"])
    assert restored.exit_code == 0, restored.output
    assert Image.open(tmp_path / "folder/1.png").size == (60, 57)


def test_native_crops_with_the_unpaired_part_are_refused(configs: Path, large_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:
        train(configs, large_dir, tmp_path, max_epochs=1, warm_start_epochs=0)
    assert "native crops train on synthetic images alone" in str(find_input_error(caught.value))

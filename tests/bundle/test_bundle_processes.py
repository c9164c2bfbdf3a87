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

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SMALL = {"classes": "non-covid,covid", "image_size": 16, "max_epochs": 1, "val_interval": 1, "device": "cpu"}
NARROW = {"features": 4, "discriminator_features": 4}


def start(run_id: str, configs: Path, files: list[str], processes: int = 1, **settings: object) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    command = [sys.executable, *(torchrun if processes > 1 else []), "-m", "monai.bundle", "run", run_id]
    command += ["--config_file", str([str(configs / file) for file in files])]
    command += [part for key, value in settings.items() for part in (f"--{key}", str(value))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_two_processes_train_and_evaluate_as_the_design_says(configs: Path, dataset_dir: Path, tmp_path: Path) -> None:
    two, one = tmp_path / "two", tmp_path / "one"
    training = ["train.yaml", "multi_gpu_train.yaml"]
    start("training", configs, training, 2, **SMALL, **NARROW, dataset_dir=dataset_dir, output_dir=two)
    assert {path.name for path in (two / "checkpoints").iterdir()} == {"epoch_0001.pt"}
    with (two / "metrics.csv").open() as file:
        # four poor images: two steps an epoch in each process
        assert [row["iteration"] for row in csv.DictReader(file)] == ["2"]
    newest = torch.load(two / "checkpoints/epoch_0001.pt", weights_only=True)
    pools = [own["good_pool"]["images"] for own in newest["processes"]]
    assert [len(pool) for pool in pools] == [2, 2]
    assert not torch.equal(*pools)

    shutil.copytree(two, one)
    settings = {"resamples": 20, "device": "cpu"}
    evaluation = ["train.yaml", "evaluate.yaml"]
    start("evaluating", configs, [*evaluation, "multi_gpu_evaluate.yaml"], 2, output_dir=two, **settings)
    start("evaluating", configs, evaluation, output_dir=one, **settings)
    for name in ("evaluation.csv", "images.csv"):
        assert (two / name).read_bytes() == (one / name).read_bytes(), name
    predictions = []
    for folder in (one, two):
        with (folder / "predictions.csv").open() as file:
            predictions.append([{**row, "seconds": ""} for row in csv.DictReader(file)])
    assert predictions[0] == predictions[1]
    restored = [sorted(path.relative_to(d) for path in (d / "restored").rglob("*.png")) for d in (one, two)]
    assert restored[0] == restored[1]
    assert len(restored[0]) == 3

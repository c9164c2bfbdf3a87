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

import numpy as np
import pytest
from click.testing import CliRunner
from monai.bundle import ConfigParser
from PIL import Image

from monai_r2c.apps.cli import cli
from monai_r2c.data.degradation_fit import fit
from monai_r2c.transforms import RandPoorQualityd

pytest.importorskip("cma")


def write_folder(folder: Path, gray: float) -> Path:
    folder.mkdir()
    for index in range(8):
        ramp = np.clip(np.linspace(0, gray, 36 * 40).reshape(36, 40) + 0.01 * index, 0, 1)
        Image.fromarray((255 * ramp).astype(np.uint8)).save(folder / f"{index}.png")
    return folder


def test_fit_writes_a_transform_for_training_and_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "_SIMULATED", 60)
    poor, good, out = write_folder(tmp_path / "poor", 0.9), write_folder(tmp_path / "good", 0.5), tmp_path / "f.yaml"
    words = ["degradation", "fit", "--poor", poor, "--good", good, "--out", out, "--size", "32", "--evaluations", "20"]
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    transform = ConfigParser(ConfigParser.load_config_file(out)).get_parsed_content("")
    assert isinstance(transform, RandPoorQualityd)
    assert transform.degradation.value_range == (-1, 1)
    assert Image.open(out.with_suffix(".png")).width > 500
    assert "distance of good images from the poor ones" in result.output


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "poor").mkdir()
    words = ["degradation", "fit", "--poor", tmp_path / "poor", "--good", tmp_path / "poor", "--out", tmp_path / "f"]
    result = CliRunner().invoke(cli, [str(word) for word in words])
    assert "the folder holds no radiograph" in str(result.exception)

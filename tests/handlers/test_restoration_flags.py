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
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from monai_r2c.apps.cli import cli
from monai_r2c.data import read_datalist
from monai_r2c.handlers import add_statistics_after_training
from monai_r2c.handlers.restoration_flags import describe_flags
from monai_r2c.handlers.tables import choose_cases
from monai_r2c.networks import R2CGenerator, box_path, read_settings, save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of a bright square, a model of them that is not trained, and one image of stripes."""
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("flags")
    (root / "images").mkdir()
    generator = np.random.default_rng(0)
    items = []
    for number in range(12):
        image = generator.normal(90, 3, (48, 48))
        row, column = generator.integers(10, 16, 2)
        image[row : row + 22, column : column + 20] += 80
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / f"images/{number}.png")
        items.append({"image": f"images/{number}.png", "label": 0})
    stripes = np.tile(np.repeat([0, 255], 3).astype(np.uint8), (48, 8))
    Image.fromarray(stripes).save(root / "stripes.png")
    sections = {"poor": items[:6], "good": items[6:]}
    empty: dict[str, list] = {"poor": [], "good": []}
    content = {"classes": ["a", "b"], "training": sections, "validation": empty, "testing": empty}
    (root / "datalist.json").write_text(json.dumps(content))
    save_model(root / "model.pt", R2CGenerator(2, features=4), ["a", "b"], 48)
    return root


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_command_and_restore_flag_what_is_unlike_the_training_images(folder: Path, tmp_path: Path) -> None:
    said = run("familiarity", folder / "model.pt", "--datalist", folder / "datalist.json")
    assert "knows 12 training images now; the limit is from the training images" in said
    given = (folder / "images/0.png", folder / "stripes.png")
    said = run("restore", *given, "--model", folder / "model.pt", "--output", tmp_path / "out")
    with (tmp_path / "out/predictions.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert list(rows["0.png"])[4:8] == ["unfamiliarity", "niqe", "niqe_restored", "flags"]
    assert float(rows["0.png"]["unfamiliarity"]) < 1 < float(rows["stripes.png"]["unfamiliarity"])
    assert "unfamiliar" not in rows["0.png"]["flags"]
    assert "unfamiliar" in rows["stripes.png"]["flags"]
    assert "Flagged unfamiliar: 1 (unlike what the model was trained on" in said
    assert "): stripes.png" in said


def test_training_on_too_few_images_says_so_and_goes_on(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = json.loads((folder / "datalist.json").read_text())
    content["training"]["poor"] = content["training"]["poor"][:2]
    content["training"]["good"] = content["training"]["good"][:2]
    (folder / "few.json").write_text(json.dumps(content))
    save_model(tmp_path / "model.pt", R2CGenerator(2, features=4), ["a", "b"], 48)
    add_statistics_after_training(tmp_path / "model.pt", read_datalist(folder / "few.json"))
    assert "nothing will be flagged as unfamiliar: 8 training images of 4 groups are too few" in caplog.text
    assert read_settings(tmp_path / "model.pt").statistics == {}


def test_flags_are_told_in_a_line_each_with_some_names() -> None:
    flagged = {"a": "unfamiliar", "b": "unfamiliar|worse", "c": "unfamiliar", "d": "unfamiliar", "e\n": "worse"}
    unfamiliar, worse = describe_flags(flagged)
    assert unfamiliar.startswith("Flagged unfamiliar: 4 (")
    assert unfamiliar.endswith("): a, b, c, ...")
    assert worse.startswith("Flagged worse: 2 (")
    assert worse.endswith(r"): b, e\n")
    assert describe_flags({}) == []


def test_an_image_whose_niqe_rose_or_that_has_a_flag_is_never_called_best() -> None:
    gains = [(30.0, 4.0, 40.0, ""), (28.0, 4.0, 3.0, "unfamiliar"), (26.0, 4.0, 3.0, ""), (22.0, 4.0, 3.0, "")]
    rows = [
        {
            "file": str(i),
            "psnr": 20.0,
            "psnr_restored": psnr,
            "niqe": before,
            "niqe_restored": after,
            "flags": flags,
        }
        for i, (psnr, before, after, flags) in enumerate(gains)
    ]
    assert [i for i, reasons in choose_cases(rows, 2).items() if "restored best" in reasons] == [2, 3]


@pytest.mark.skipif(not box_path().is_file(), reason="the tree holds no trained model")
def test_the_model_in_the_box_restores_without_being_named(tmp_path: Path, shared: Path) -> None:
    dicom = shared / "data/dicom"
    given = (dicom / "dx_chest_mono2_8bit_implicit.dcm", dicom / "dx_dog_thorax_mono1_8bit.dcm")
    said = run("restore", *given, "--output", tmp_path)
    assert said.startswith("Model: ")
    assert said.splitlines()[0].endswith("; for research only.")
    with (tmp_path / "predictions.csv").open(newline="") as file:
        chest, dog = csv.DictReader(file)
    assert float(chest["unfamiliarity"]) < 1 < float(dog["unfamiliarity"])
    assert box_path().stat().st_size < 10e6

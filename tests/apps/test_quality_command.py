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
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from radiograph_files import ramp, write_dicom_file

from monai_r2c.apps.quality import quality
from monai_r2c.data.quality import measure_quality
from monai_r2c.utils import InputError


def write_image(path: Path, low: int, high: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(0).integers(low, high, (64, 64)).astype(np.uint8)
    Image.fromarray(levels).save(path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(quality, [str(argument) for argument in arguments])


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_image_has_a_row_with_its_measures(tmp_path):
    write_image(tmp_path / "in/deep/a.png", 0, 255)
    write_image(tmp_path / "in/b.png", 100, 110)
    (tmp_path / "in/notes.txt").touch()
    result = run(tmp_path / "in", "--out", tmp_path / "out/quality.csv")
    assert result.exit_code == 0, result.output
    first, second = read(tmp_path / "out/quality.csv")
    assert (first["file"], second["file"]) == ("../in/b.png", "../in/deep/a.png")
    expected = measure_quality(np.asarray(Image.open(tmp_path / "in/b.png")) / 255)
    assert float(first["noise_sigma"]) == pytest.approx(expected.noise_sigma, abs=1e-4)
    assert float(first["contrast"]) == expected.contrast
    assert (first["quality"], first["error"]) == ("poor", "")
    assert first["faults"].startswith("low-contrast|noisy")
    assert "2 images: 2 poor, 0 mid, 0 good" in result.output


def test_a_bad_file_gets_its_error_and_the_rest_goes_on(tmp_path):
    write_image(tmp_path / "good.png", 0, 255)
    (tmp_path / "bad.png").write_bytes(b"no image")
    result = run(tmp_path, "--out", tmp_path / "quality.csv")
    assert result.exit_code == 1
    bad, good = read(tmp_path / "quality.csv")
    assert "bad.png" in bad["error"]
    assert (bad["quality"], bad["mean"]) == ("", "")
    assert good["error"] == ""
    assert float(good["mean"]) > 0


def test_an_image_named_twice_has_one_row(tmp_path):
    write_image(tmp_path / "a.png", 0, 255)
    result = run(tmp_path, tmp_path / "a.png", "--out", tmp_path / "quality.csv")
    assert len(read(tmp_path / "quality.csv")) == 1
    assert "passed over: 1 other name of images that have a row" in result.output


def test_thresholds_can_be_changed(tmp_path):
    write_image(tmp_path / "a.png", 110, 115)
    run(tmp_path, "--out", tmp_path / "q.csv", "--threshold", "poor_contrast=0", "--threshold", "poor_cnr=0")
    assert read(tmp_path / "q.csv")[0]["faults"] == ""


@pytest.mark.parametrize(
    ("threshold", "message"), [("contrast=3", "expected NAME=VALUE with a name of"), ("poor_cnr=x", "is not a number")]
)
def test_wrong_thresholds_are_refused(tmp_path, threshold, message):
    write_image(tmp_path / "a.png", 0, 255)
    result = run(tmp_path, "--out", tmp_path / "q.csv", "--threshold", threshold)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert not (tmp_path / "q.csv").exists()


def test_a_folder_without_images_is_refused(tmp_path):
    result = run(tmp_path, "--out", tmp_path / "q.csv")
    assert isinstance(result.exception, InputError)
    assert "holds no image" in str(result.exception)


def test_nan_is_no_threshold(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", 0, 255)
    refused = run(tmp_path, "--output", tmp_path / "q.csv", "--threshold", "poor_cnr=nan").exception
    assert isinstance(refused, InputError)
    assert "NaN" in str(refused)


def test_a_name_like_a_formula_stays_a_path(tmp_path: Path) -> None:
    write_image(tmp_path / "=1+1.png", 0, 255)
    assert run(tmp_path, "--output", tmp_path / "q.csv").exit_code == 0
    assert [row["file"] for row in read(tmp_path / "q.csv")] == ["./=1+1.png"]


@pytest.mark.parametrize("reader", ["pydicom", "itk"])
def test_other_modalities_are_admitted_by_an_option(tmp_path: Path, reader: str) -> None:
    write_dicom_file(tmp_path / "a.dcm", ramp(12), Modality="MG")
    assert run(tmp_path, "--output", tmp_path / "q.csv").exit_code == 1
    assert run(tmp_path, "--output", tmp_path / "q.csv", "--modality", "MG", "--reader", reader).exit_code == 0


def test_an_output_that_cannot_be_written_ends_the_command_before_it_reads(tmp_path):
    (tmp_path / "file").touch()
    write_image(tmp_path / "a.png", 0, 255)
    result = run(tmp_path / "a.png", "--output", tmp_path / "file/q.csv")
    assert isinstance(result.exception, OSError)
    assert not result.output

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

from monai_r2c.apps.phantom import phantom
from monai_r2c.data import read_dataset_dir, write_phantom_dataset
from monai_r2c.utils import InputError

SMALL = ("--size", 48, "--train", 4, "--validation", 2, "--test", 3)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(phantom, [str(argument) for argument in arguments])


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def gray(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)) / 255


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("phantoms") / "set"
    result = run(out, *SMALL)
    assert result.exit_code == 0, result.output
    return out


def test_layout_holds_the_numbers_asked_for(written):
    counts = {}
    for name in files(written):
        folder = name.rpartition("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    assert counts == {
        "": 1,
        "train/poor": 4,
        "train/good": 4,
        "validation/poor": 2,
        "validation/good": 2,
        "validation/clean": 2,
        "test/poor": 3,
        "test/good": 3,
        "test/clean": 3,
    }
    assert (written / "train/poor/0003.png").is_file()


def test_images_are_gray_with_8_bits(written):
    with Image.open(written / "test/poor/0000.png") as image:
        assert (image.mode, image.size) == ("L", (48, 48))


def test_labels_name_class_and_reference_of_every_image(written):
    with (written / "labels.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == ["file", "label", "reference"]
    assert {row["file"] for row in rows} == {n for n in files(written) if n.endswith("png") and "/clean/" not in n}
    for row in rows:
        section, domain, name = row["file"].split("/")
        has_reference = domain == "poor" and section != "train"
        assert row["reference"] == (f"{section}/clean/{name}" if has_reference else "")
    for section in ("train", "validation"):
        for domain in ("poor", "good"):
            labels = [r["label"] for r in rows if r["file"].startswith(f"{section}/{domain}/")]
            assert labels.count("covid") == labels.count("non-covid")


def test_the_set_is_read_as_a_dataset_folder(written):
    read = read_dataset_dir(written, classes=["non-covid", "covid"])
    poor = [item for item in read.entries if (item.section, item.domain) == ("testing", "poor")]
    assert [item.label for item in poor] == [0, 1, 0]
    assert [Path(item.reference).name for item in poor] == [Path(item.image).name for item in poor]


def test_two_runs_write_the_same_bytes(written, tmp_path):
    run(tmp_path / "again", *SMALL)
    assert files(tmp_path / "again") == files(written)


def test_another_seed_writes_other_images(written, tmp_path):
    run(tmp_path / "other", *SMALL, "--seed", 1)
    ours, others = files(written), files(tmp_path / "other")
    assert all(ours[name] != others[name] for name in ours if name.endswith("png"))


def test_a_larger_set_contains_the_smaller(written, tmp_path):
    run(tmp_path / "larger", "--size", 48, "--train", 6, "--validation", 3, "--test", 4)
    larger = files(tmp_path / "larger")
    assert all(larger[name] == content for name, content in files(written).items() if name.endswith("png"))


def test_no_two_images_share_a_body(written):
    films = [gray(p) for p in sorted(written.rglob("*.png")) if p.parent.name in ("good", "clean")]
    for i, film in enumerate(films):
        assert all(np.abs(film - other).mean() > 0.01 for other in films[:i])


def test_clean_originals_are_those_of_the_poor_images(written):
    for number in range(3):
        poor = gray(written / f"test/poor/{number:04d}.png").ravel()
        match = [np.corrcoef(poor, gray(written / f"test/clean/{n:04d}.png").ravel())[0, 1] for n in range(3)]
        assert int(np.argmax(match)) == number
        assert match[number] < 0.9999


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = run(tmp_path, *SMALL)
    assert isinstance(result.exception, InputError)
    assert "is not empty" in str(result.exception)
    assert list(files(tmp_path)) == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "new").mkdir()
    assert run(tmp_path / "new", "--size", 32, "--train", 2, "--validation", 2, "--test", 2).exit_code == 0
    assert (tmp_path / "new/labels.csv").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_an_interrupted_run_leaves_no_set_and_does_not_hinder_the_next(tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("monai_r2c.data.phantom.dataset._make_poor", interrupt)
        assert run(tmp_path / "set", *SMALL).exit_code != 0
    assert not (tmp_path / "set").exists()
    assert run(tmp_path / "set", "--size", 32, "--train", 2, "--validation", 2, "--test", 2).exit_code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    "arguments", [("--size", 8), ("--train", 1), ("--validation", 0), ("--test", 10000), ("--seed", -1)]
)
def test_a_number_out_of_range_is_refused(tmp_path, arguments):
    result = run(tmp_path / "set", *arguments)
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[0]}'" in result.output
    name, number = arguments[0].removeprefix("--"), arguments[1]
    counts = {"train": 2, "validation": 2, "test": 2}
    changed = {"counts": counts | {name: number}} if name in counts else {"counts": counts, name: number}
    with pytest.raises(InputError, match=f"^{name}: "):
        write_phantom_dataset(tmp_path / "set", **changed)
    assert not (tmp_path / "set").exists()


def test_a_file_as_out_is_refused(tmp_path):
    (tmp_path / "file").touch()
    result = run(tmp_path / "file", *SMALL)
    assert isinstance(result.exception, InputError)
    assert "is a file" in str(result.exception)

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

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from monai_r2c.apps.bundle import bundle_folder
from monai_r2c.apps.cli import cli
from monai_r2c.utils import InputError

BUNDLE = Path(__file__).parents[2] / "bundles/chest_xray_restore_classify"


def _write(folder: Path) -> str:
    return CliRunner().invoke(cli, ["bundle", str(folder)], catch_exceptions=False, standalone_mode=False).output


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_bundle_is_written_as_it_is_and_the_next_command_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "my bundle"
    lines = _write(folder).splitlines()
    assert _files(folder) == _files(BUNDLE)
    assert lines[3] == f"  cd '{folder}'"
    assert lines[4].startswith("  python -m monai.bundle run training --config_file configs/train.yaml ")


@pytest.mark.parametrize("name", [".", "a/b"])
def test_an_empty_folder_is_taken_and_parents_are_made(tmp_path: Path, name: str) -> None:
    _write(tmp_path / name)
    assert (tmp_path / name / "configs/train.yaml").is_file()


def test_folder_with_files_and_a_file_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for path, message in ((tmp_path, "holds files already"), (tmp_path / "notes.txt", "is a file")):
        with pytest.raises(InputError, match=rf"{path}: {message}.*; give a new or empty folder[^\n]*$"):
            _write(path)
    assert _files(tmp_path) == {"notes.txt": b"mine"}


def test_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: str, target: str) -> None:
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(InputError, match=r"new: cannot be written \(.*No space left.*\); give another folder\.$"):
        _write(tmp_path / "new")


def test_the_trained_model_comes_along_and_no_other_weights_of_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "source"
    shutil.copytree(bundle_folder(), copy)
    (copy / "models/model.pt").write_bytes(b"the model")
    (copy / "models/other.pt").touch()
    (copy / "model.pt").touch()
    monkeypatch.setattr("monai_r2c.apps.bundle.bundle_folder", lambda: copy)
    _write(tmp_path / "new")
    assert (tmp_path / "new/models/model.pt").read_bytes() == b"the model"
    assert [path.name for path in (tmp_path / "new").rglob("*.pt")] == ["model.pt"]

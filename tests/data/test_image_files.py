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

import gzip
import os
from pathlib import Path

import pytest
from PIL import Image
from radiograph_files import dicom_dataset, ramp, write_dicom_file

from monai_r2c.data import list_images
from monai_r2c.data.image_files import find_images
from monai_r2c.utils import InputError


def make_files(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"image")


def test_file_that_cannot_be_opened_is_listed_so_that_its_reader_says_why(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "scan").touch()
    (tmp_path / "readme").write_text("no image")
    opened = Path.open

    def refuse(path: Path, *args, **kwargs):
        if path.name == "scan":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    assert list_images(tmp_path) == [tmp_path / "scan"]


def test_links_are_followed_once_and_not_back(tmp_path):
    make_files(tmp_path, "images/a.png", "elsewhere/b.png")
    images = tmp_path / "images"
    (images / "other").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (images / "self").symlink_to(images, target_is_directory=True)
    (images / "above").symlink_to(tmp_path, target_is_directory=True)
    assert list_images(images) == [images / "a.png", images / "other" / "b.png"]


@pytest.mark.timeout(20)
def test_folders_that_link_to_each_other_are_searched_once(tmp_path: Path) -> None:
    pairs = [tmp_path / f"{number}{side}" for number in range(2) for side in "ab"]
    for index, folder in enumerate(pairs):
        make_files(folder, f"{index}.png")
        for other in pairs:
            if other != folder:
                (folder / f"to_{other.name}").symlink_to(other, target_is_directory=True)
    assert list_images(tmp_path) == [folder / f"{index}.png" for index, folder in enumerate(pairs)]


def test_dicom_is_told_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    whole = write_dicom_file(tmp_path / "x.dcm", ramp(12)).read_bytes()
    names = {"x.dicom", "x.ima", "x.IMA", "x", "1.2.840.7", "x.bin", "no_preamble"}
    for name in names:
        (tmp_path / name).write_bytes(whole)
    dicom_dataset(ramp(12)).save_as(tmp_path / "no_preamble", implicit_vr=True, little_endian=True)
    (tmp_path / "README").write_text("no image")
    assert {path.name for path in list_images(tmp_path)} == names | {"x.dcm"}


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path) -> None:
    Image.fromarray(ramp(8)).save(tmp_path / "a.png")
    make_files(tmp_path, "b.txt", "c.txt", "README", ".DS_Store", "DICOMDIR", "sub/d.csv")
    (tmp_path / "e.tar.gz").write_bytes(gzip.compress(b"no image" * 99))
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "gone.png").symlink_to(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe.png")
    found = find_images(tmp_path)
    assert [path.name for path in found.images] == ["a.png", "gone.png"]
    assert sum(map(len, found.passed_over.values())) == 9
    assert found.describe() == (
        "5 no images by name and content (2 .txt, README, .gz, ...), 1 hidden (.DS_Store), "
        "1 directories of a DICOM medium (DICOMDIR), 1 no regular files (.png), 1 links that lead nowhere (nowhere)"
    )


def test_whoever_lists_a_folder_is_told_in_one_line_what_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_files(tmp_path, "a.png")
    list_images(tmp_path)
    assert not caplog.messages
    make_files(tmp_path, "new\nline")
    assert list_images(tmp_path) == [tmp_path / "a.png"]
    assert caplog.messages == [f"{tmp_path}: passed over 1 no images by name and content (new\\nline)."]


def test_a_folder_that_cannot_be_searched_is_no_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_files(tmp_path, "a.png", "closed/b.png")
    scan = os.scandir

    def refuse(folder: Path) -> object:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert find_images(tmp_path).images == [tmp_path / "a.png"]
    with pytest.raises(InputError, match=r"closed: the folder cannot be searched \(Permission denied\)"):
        list_images(tmp_path)

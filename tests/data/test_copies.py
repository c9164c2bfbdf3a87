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

import numpy as np
import pytest
from PIL import Image
from radiograph_files import ramp, write_dicom_file
from scipy import ndimage

from monai_r2c.data.datalist import DatalistItem, find_alike, find_identical
from monai_r2c.data.dicom_tags import of_modalities, read_dicom_tags, with_dicom_tags


def picture(seed: int) -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).random((128, 128)), 3)
    return (255 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


def test_identical_files_are_found_among_others_of_their_size(tmp_path: Path) -> None:
    contents = {
        "a": b"1" * 50000,
        "b": b"1" * 25000 + b"2" + b"1" * 24999,
        "c": b"3" * 50000,
        "empty": b"",
        "none": b"",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    shutil.copy(tmp_path / "a", tmp_path / "copy")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    names = [str(tmp_path / name) for name in (*contents, "copy", "hard", "missing")]
    assert find_identical(names) == [[str(tmp_path / name) for name in ("a", "copy", "hard")]]


def test_re_encoded_copies_are_alike_and_other_pictures_are_not(tmp_path: Path) -> None:
    for seed in range(6):
        Image.fromarray(picture(seed)).save(tmp_path / f"{seed}.png")
    image = Image.fromarray(picture(0))
    image.save(tmp_path / "copy.jpg", quality=60)
    image.resize((64, 64), Image.Resampling.LANCZOS).save(tmp_path / "half.png")
    Image.fromarray(255 - picture(0)).save(tmp_path / "inverse.png")
    (tmp_path / "broken.png").write_bytes(b"no image")
    pairs = find_alike(map(str, tmp_path.iterdir()))
    names = {frozenset((Path(first).name, Path(second).name)) for first, second, _ in pairs}
    same = ["0.png", "copy.jpg", "half.png", "inverse.png"]
    assert names == {frozenset((a, b)) for a in same for b in same if a < b}
    assert all(0.92 <= likeness <= 1.0001 for *_, likeness in pairs)


@pytest.mark.parametrize("patients", [("P1", "P2"), ("anonymous", "anonymous")])
def test_headers_tell_patient_study_source_and_view(tmp_path: Path, patients: tuple[str, str]) -> None:
    entries = []
    for name, patient in zip("ab", patients):
        tags = {"PatientID": patient, "StudyInstanceUID": f"1.2.{ord(name)}", "ViewPosition": "PA"}
        write_dicom_file(tmp_path / name, ramp(12), InstitutionName="North", **tags)
        entries.append(DatalistItem("training", "poor", str(tmp_path / name), 0, name))
    entries.append(DatalistItem("training", "good", str(tmp_path / "c.png"), 0, "c.png"))
    told = with_dicom_tags(entries, read_dicom_tags(entries))
    expected = patients if len(set(patients)) == 2 else (None, None)  # a placeholder is no patient
    assert tuple(entry.patient for entry in told) == (*expected, None)
    assert [(entry.study, entry.source, entry.view) for entry in told] == [
        ("1.2.97", "North", "PA"),
        ("1.2.98", "North", "PA"),
        (None, None, None),
    ]


def test_images_of_other_modalities_are_left_out_and_counted(tmp_path: Path) -> None:
    write_dicom_file(tmp_path / "a", ramp(12), Modality="MG")
    write_dicom_file(tmp_path / "b", ramp(12), Modality="DX")
    entries = [DatalistItem("training", "poor", str(tmp_path / name), 0, name) for name in ("a", "b", "c.png")]
    tags = read_dicom_tags(entries)
    kept, left_out = of_modalities(entries, tags, ("DX",))
    assert [entry.file for entry in kept] == ["b", "c.png"]
    assert left_out == {"modality MG, which is not admitted (see --modality)": 1}
    assert of_modalities(entries, tags, ("DX", "MG")) == (entries, {})

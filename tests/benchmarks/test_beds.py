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
import shutil
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch

from benchmarks.restoration.beds import Bed, make_bed
from benchmarks.restoration.groups import GROUPS, check_groups, deal_patients
from benchmarks.restoration.images import read_image, write_image
from benchmarks.restoration.radiographs import Radiograph, check_data, read_list
from benchmarks.restoration.settings import Settings, read_settings
from monai_r2c.utils import InputError


@pytest.fixture
def copy(work: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(work / "beds/unknown", tmp_path / "unknown"))


def test_same_settings_make_the_same_bytes(
    bed: Bed, data: Path, radiographs: list[Radiograph], settings: Settings, tmp_path: Path
) -> None:
    again = make_bed("unknown", data, tmp_path / "unknown", radiographs, settings)
    assert [image.hashes for image in again.images] == [image.hashes for image in bed.images]
    assert again.digest == bed.digest


@pytest.mark.parametrize("name", ["known", "unknown", "foreign", "real"])
def test_no_patient_is_in_two_groups(name: str, work: Path, settings: Settings) -> None:
    images = Bed(work / "beds" / name, settings).images
    patients = {group: {image.patient for image in images if image.group == group} for group in GROUPS}
    for first, second in combinations(GROUPS, 2):
        assert not patients[first] & patients[second]
    assert patients["test"] == {"p9", "p10", "p11"}


def test_the_list_of_images_deals_every_patient_once() -> None:
    radiographs, settings = read_list(), read_settings()
    groups = deal_patients(radiographs, settings.groups, settings.seed)
    check_groups((r.file, r.patient, groups[r.patient]) for r in radiographs)
    assert set(groups) == {r.patient for r in radiographs}
    assert set(groups.values()) == set(GROUPS)


def test_a_degraded_image_differs_from_its_reference(bed: Bed) -> None:
    images = bed.select("test", "poor")
    assert len(images) == 3
    assert ((bed.read(images) - bed.read(images, references=True)).abs().mean((1, 2, 3)) > 0.01).all()


def test_good_images_have_no_fault(bed: Bed, known: Bed) -> None:
    files = [image.file for image in bed.select("good", "good")]
    assert files
    for file in files:
        assert torch.equal(read_image(bed.folder / file), read_image(known.folder / file))


def test_foreign_faults_are_in_no_training(work: Path, settings: Settings) -> None:
    foreign = Bed(work / "beds/foreign", settings)
    assert {image.group for image in foreign.images} == {"validation", "test"}
    trained = {settings.blends[name]["faults"][i]["_target_"] for name in ("default", "wide") for i in (0, -1)}
    targets = {fault["_target_"] for kind in settings.blends["foreign"].values() for fault in kind}
    assert not trained & targets


def test_real_images_have_no_reference(work: Path, settings: Settings) -> None:
    real = Bed(work / "beds/real", settings)
    assert not real.has_references
    assert {image.domain for image in real.select("test", "poor") + real.select("test", "good")} == {"poor", "good"}


def test_sixteen_bits_survive_the_file(image: torch.Tensor, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", image)
    assert (read_image(tmp_path / "a.png") - image).abs().max() <= 0.5 / 65535 + 1e-7


def test_changed_image_is_refused(copy: Path, settings: Settings) -> None:
    file = Bed(copy, settings).select("test", "poor")[0].file
    write_image(copy / file, torch.zeros(1, 48, 48))
    with pytest.raises(InputError, match=f"{file}: has changed since the bed was made"):
        Bed(copy, settings)


def test_missing_image_is_refused(copy: Path, settings: Settings) -> None:
    file = Bed(copy, settings).select("test", "poor")[0].reference
    (copy / file).unlink()
    with pytest.raises(InputError, match=f"{file}: no such file"):
        Bed(copy, settings)


def test_bed_of_another_seed_is_refused(copy: Path, settings: Settings) -> None:
    other = Settings({**settings.contents, "seed": 1})
    with pytest.raises(InputError, match=r"was made with seed 0, config\.yaml says 1"):
        Bed(copy, other)


def test_patient_in_two_groups_is_refused(copy: Path, settings: Settings) -> None:
    contents = json.loads((copy / "bed.json").read_text())
    first, other = contents["images"][0], next(i for i in contents["images"] if i["group"] == "test")
    other["patient"] = first["patient"]
    (copy / "bed.json").write_text(json.dumps(contents))
    with pytest.raises(InputError, match=f"patient {first['patient']}: .* is in the group"):
        Bed(copy, settings)


def test_data_with_other_pixels_is_refused(data: Path, radiographs: list[Radiograph]) -> None:
    check_data(data, radiographs)
    with pytest.raises(
        InputError, match=r"00\.png: its pixels are not those of the list; expected collection: 00\.png"
    ):
        check_data(data, [replace(radiographs[0], pixels="0")])
    with pytest.raises(InputError, match=r"99\.png: no such file; it is collection"):
        check_data(data, [replace(radiographs[0], file="99.png")])


def test_development_data_is_that_of_the_list(shared: Path) -> None:
    check_data(shared / "data/cxr", read_list()[::40])


@pytest.fixture
def known(work: Path, settings: Settings) -> Bed:
    return Bed(work / "beds/known", settings)

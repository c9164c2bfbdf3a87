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
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from radiograph_files import ramp, write_dicom_file
from study_files import make_small_study, write_images

from monai_r2c.apps.study import study as command
from monai_r2c.study import cases_of_folders, cases_of_run
from monai_r2c.study.extras import require
from monai_r2c.study.pixels import pack, read_pixels, unpack
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError


def test_pixels_keep_their_sixteen_bits_and_all_images_of_a_case_have_one_length() -> None:
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 65536, (7, 5)).astype(np.uint16), np.full((7, 5), 40000, np.uint16)]
    packed = pack(images)
    assert len(packed[0]) == len(packed[1])
    for image, one in zip(images, packed):
        assert np.array_equal(unpack(one), image)


def test_study_holds_the_images_at_full_depth_under_the_names_of_the_key(study: Path, key: dict) -> None:
    for case in key["cases"]:
        for condition, file in case["files"].items():
            packed = (study / "images" / f"{case['images'][condition]}.bin").read_bytes()
            assert np.array_equal(unpack(packed), read_pixels(Path(file), LoadRadiograph()))
    assert len(np.unique(unpack(packed))) > 256


def test_nothing_that_readers_get_tells_the_method(study: Path, key: dict) -> None:
    page, schedule = (study / "page.html").read_text(), (study / "schedule.json").read_text()
    protocol = (study / "protocol.md").read_text()
    assert not re.search(r"restored|\.png|catch|spoil|repeat|poor", schedule.replace("very poor", ""))
    # the page's own words are the same for every study
    own = page[: page.index("<script")] + page[page.index('id="study"') : page.index('id="image-')]
    assert not re.search(r"restored|\.png|catch|spoil|repeat|poor", own.replace("very poor", ""))
    assert "restored" not in protocol
    assert str(study.parent) not in page + schedule + protocol
    names = [name for case in key["cases"] for name in case["images"].values()]
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names + list(key["trials"]))
    assert re.findall('id="image-([0-9a-f]+)"', page) == sorted(names)
    for case in key["cases"]:
        files = [study / "images" / f"{name}.bin" for name in case["images"].values()]
        assert len({file.stat().st_size for file in files}) == 1


def test_page_needs_no_other_file(study: Path) -> None:
    page = (study / "page.html").read_text()
    assert not re.findall(r"""\s(?:src|href)=["'](?!data:|#)[^"']""", page)
    assert "sourceMappingURL" not in page
    assert "url(" not in page


def test_same_seed_gives_the_same_study(study: Path, tmp_path: Path) -> None:
    images = study.with_name(f"{study.name}-images")
    (tmp_path / "again-images").symlink_to(images)
    again = make_small_study(tmp_path / "again")
    assert (again / "schedule.json").read_text() == (study / "schedule.json").read_text()


def test_size_that_would_tell_the_method_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    write_images(tmp_path / "out-images")
    Image.fromarray(np.full((9, 9), 7, np.uint8) + np.eye(9, dtype=np.uint8)).save(
        tmp_path / "out-images/restored/3.png"
    )
    with pytest.raises(InputError, match=r"has 9 x 9 pixels where .* has 24 x 20"):
        make_small_study(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_image_a_patient_and_even_classes(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    lines = (tmp_path / "images/labels.csv").read_text().replace("p6", "p0").replace("p4", "p2")
    (tmp_path / "images/labels.csv").write_text(lines)
    args = (tmp_path / "images/poor", {"restored": tmp_path / "images/restored"}, tmp_path / "images/labels.csv")
    chosen = cases_of_folders(*args).choose(4, 0)
    assert sorted(case.label for case in chosen.cases) == ["healthy", "healthy", "ill", "ill"]
    assert len({case.patient for case in chosen.cases}) == 4
    assert chosen.left_out == {"another image of the same patient": 2, "not drawn": 2}
    with pytest.raises(InputError, match="there are 6 cases of different patients"):
        cases_of_folders(*args).choose(7, 0)


def test_evaluated_run_gives_its_poor_test_images_with_their_restorations(tmp_path: Path) -> None:
    write_images(tmp_path)
    (tmp_path / "poor").rename(tmp_path / "images")
    items = [{"image": f"images/{i}.png", "label": i % 2, "reference": "images/0.png"} for i in range(8)]
    training = [{"image": item["image"], "label": item["label"]} for item in items[6:]]
    datalist = {"classes": ["healthy", "ill"], "training": {"poor": training}, "testing": {"poor": items[:6]}}
    (tmp_path / "datalist.json").write_text(json.dumps(datalist))
    with pytest.raises(InputError, match=r"there is no predictions\.csv; expected the output_dir of a run"):
        cases_of_run(tmp_path, {})
    (tmp_path / "predictions.csv").write_text("file\n" + "".join(f"images/{i}.png\n" for i in range(6)))
    (tmp_path / "restored/5.png").unlink()
    found = cases_of_run(tmp_path, {})
    assert [case.name for case in found.cases] == [f"images/{i}.png" for i in range(5)]
    assert found.conditions == ("poor", "restored")
    assert [case.label for case in found.cases] == ["healthy", "ill", "healthy", "ill", "healthy"]
    assert found.left_out == {"without an image of every method": 1}
    assert cases_of_run(tmp_path, {}, with_reference=True).cases[1].images["reference"] == tmp_path / "images/0.png"
    assert found.cases[2].images["restored"] == tmp_path / "restored/2.png"


def test_missing_extra_is_named_in_one_line() -> None:
    with pytest.raises(InputError, match=r"no_such_package is not installed.*'monai_r2c\[study\]'"):
        require("no_such_package.part")


def test_command_makes_a_study_and_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    arguments = ["make", "--poor", f"{tmp_path}/images/poor", "--method", f"restored={tmp_path}/images/restored"]
    arguments += ["--cases", "4", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert "3 readers, 4 cases, 2 conditions: 6 screens a reader" in result.output
    assert json.loads((tmp_path / "out/key/key.json").read_text())["conditions"] == ["poor", "restored"]
    again = CliRunner().invoke(command, arguments)
    assert isinstance(again.exception, InputError)
    assert "is not empty" in str(again.exception)
    diagnosis = CliRunner().invoke(command, [*arguments[:-1], str(tmp_path / "b"), "--task", "diagnosis"])
    assert "cases of at least two classes are needed" in str(diagnosis.exception)


def test_other_modalities_take_part_when_admitted(tmp_path: Path) -> None:
    for name in ("poor", "restored"):
        for number in range(2):
            path = tmp_path / name / f"{number}.dcm"
            path.parent.mkdir(exist_ok=True)
            write_dicom_file(path, ramp(12), Modality="MG")
    arguments = ["make", "--poor", f"{tmp_path}/poor", "--method", f"restored={tmp_path}/restored", "--cases", "2"]
    refused = CliRunner().invoke(command, [*arguments, "--output", str(tmp_path / "a")])
    assert "has modality MG; admitted are CR, DX, RG" in str(refused.exception)
    assert not (tmp_path / "a").exists()
    admitted = CliRunner().invoke(command, [*arguments, "--modality", "MG", "--output", str(tmp_path / "b")])
    assert admitted.exit_code == 0, admitted.output
    assert (tmp_path / "b/page.html").is_file()

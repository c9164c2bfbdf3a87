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

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from radiograph_files import ramp, write_dicom_file

from monai_r2c.apps.datalist import datalist
from monai_r2c.apps.quality import quality
from monai_r2c.data import Datalist, read_datalist
from monai_r2c.data.datalist import copies
from monai_r2c.utils import InputError

HEADER = "file,label,quality,split,patient,task"
ROWS = (
    "1.png,covid,poor,train,A,1",
    "2.png,covid,good,training,A,1",
    "3.png,non-covid,poor,Train,B,1",
    "4.png,non-covid,good,train,C,1",
    "5.png,covid,mid,train,D,1",
    "6.png,covid,poor,test,E,1",
    "7.png,non-covid,good,testing,F,1",
    "8.png,non-covid,poor,val,G,1",
    "9.png,non-covid,good,train,H,2",
)
BY_COLUMN = ("--label", "label", "--classes", "non-covid,covid", "--split", "split")


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_manifest(tmp_path / "data")


def write_manifest(root: Path, *more: str, header: str = HEADER) -> Path:
    touch(root, *(row.split(",")[0] for row in (*ROWS, *more)))
    (root / "manifest.csv").write_text("\n".join([header, *ROWS, *more]) + "\n")
    return root / "manifest.csv"


def run(tmp_path: Path, *arguments: object) -> Result:
    return CliRunner().invoke(datalist, [*map(str, arguments), "--out", str(tmp_path / "out/list.json")])


def build(tmp_path: Path, *arguments: object) -> tuple[Datalist, str]:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 0, result.output or result.exception
    return read_datalist(tmp_path / "out/list.json"), result.output


def names(read: Datalist, section: str, domain: str) -> list[str]:
    return [Path(item["file"]).name for item in read.items(section, domain)]


def refused(result: Result) -> str:
    assert isinstance(result.exception, InputError), result.output or result.exception
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_manifest_gives_domain_label_split_and_patient(tmp_path, manifest):
    read, output = build(tmp_path, "--manifest", manifest, *BY_COLUMN, "--patient", "patient")
    assert names(read, "training", "poor") == ["1.png", "3.png"]
    assert names(read, "training", "good") == ["2.png", "4.png", "9.png"]
    assert names(read, "validation", "poor") == ["8.png"]
    assert names(read, "testing", "poor") == ["6.png"]
    assert read.items("training", "poor")[0] == {
        "image": str(manifest.parent / "1.png"),
        "label": 1,
        "file": "../data/1.png",
        "patient": "A",
    }
    assert "left out: 1 with quality mid" in output
    assert "notice" not in output
    table = [line.split() for line in output.splitlines()]
    assert table[0] == ["non-covid", "covid", "images"]
    assert ["training", "good", "2", "1", "3"] in table


def test_without_patients_a_notice_is_printed(tmp_path, manifest):
    assert "notice: no patient is given" in build(tmp_path, "--manifest", manifest, *BY_COLUMN)[1]


def test_where_takes_matching_rows_only(tmp_path, manifest):
    read, output = build(tmp_path, "--manifest", manifest, *BY_COLUMN, "--where", "task=1")
    assert names(read, "training", "good") == ["2.png", "4.png"]
    assert "left out: 1 with task not 1" in output


def test_several_values_can_mean_one_domain(tmp_path, manifest):
    read, _ = build(tmp_path, "--manifest", manifest, *BY_COLUMN, "--good", "good", "--good", "mid")
    assert "5.png" in names(read, "training", "good")


def test_image_root_replaces_the_manifests_folder(tmp_path, manifest):
    moved = tmp_path / "elsewhere.csv"
    manifest.rename(moved)
    assert "there is no file" in refused(run(tmp_path, "--manifest", moved, *BY_COLUMN))
    read, _ = build(tmp_path, "--manifest", moved, *BY_COLUMN, "--image-root", manifest.parent)
    assert len(read.entries) == 8


def test_rows_of_other_labels_are_refused_or_skipped(tmp_path):
    manifest = write_manifest(tmp_path / "data", "10.png,flu,poor,train,K,1")
    message = refused(run(tmp_path, "--manifest", manifest, *BY_COLUMN))
    assert "line 11 (10.png): label 'flu' is not one of the classes non-covid, covid" in message
    read, output = build(tmp_path, "--manifest", manifest, *BY_COLUMN, "--skip-other-labels")
    assert len(read.entries) == 8
    assert "left out: 1 with label flu" in output


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("10.png,covid,poor,fold3,K,1", "line 11: split is 'fold3'; expected one of train"),
        ("10.png,covid,poor,,K,1", "line 11: the column split is empty"),
        ("10.png,covid,poor,train,,1", "line 11: the column patient is empty"),
        ("10.png,covid,poor,train,E,1", "patient E is in testing (6.png) and in training (10.png)"),
        ("1.png,covid,good,test,K,1", "1.png is listed in training/poor and again in testing/good"),
        ("10.png,covid,poor,train,K,1,7", "more than the header's 6 values"),
        ("10.png,,poor,train,K,1", "line 11 (10.png): no label"),
    ],
)
def test_faulty_rows_are_refused(tmp_path, row, message):
    manifest = write_manifest(tmp_path / "data", row)
    found = refused(run(tmp_path, "--manifest", manifest, *BY_COLUMN, "--patient", "patient"))
    assert message in found
    assert not (tmp_path / "out").exists()


def test_missing_columns_are_named(tmp_path, manifest):
    message = refused(run(tmp_path, "--manifest", manifest, *BY_COLUMN, "--patient", "patient_id"))
    assert f"there is no column patient_id; the columns are {HEADER.replace(',', ', ')}" in message


def write_collection(root: Path) -> None:
    touch(root, *(f"sick/{grade}_p{patient}_{n}.png" for grade in "xy" for patient in range(10) for n in range(3)))
    touch(root, *(f"well/{grade}_q{patient}_{n}.png" for grade in "xy" for patient in range(10) for n in range(3)))
    images = sorted(root.rglob("*.png"))
    rows = [f"{path.relative_to(root).as_posix()},{'poor' if path.name[0] == 'x' else 'good'}" for path in images]
    (root / "quality.csv").write_text("\n".join(["file,quality", *rows]) + "\n")


def test_folders_with_quality_are_split_by_patient(tmp_path):
    root = tmp_path / "data"
    write_collection(root)
    read, output = build(
        tmp_path,
        *("--folder", f"ill={root / 'sick'}", "--folder", f"healthy={root / 'well'}", "--classes", "healthy,ill"),
        *("--quality", root / "quality.csv", "--patient-pattern", "_([pq][0-9]+)_", "--validation", "0.25"),
    )
    sections: dict[str | None, set[str]] = {}
    for entry in read.entries:
        sections.setdefault(entry.patient, set()).add(entry.section)
        assert entry.label == ("sick" in entry.file)
        assert entry.domain == ("poor" if Path(entry.file).name[0] == "x" else "good")
    assert len(sections) == 20
    assert all(len(places) == 1 for places in sections.values())
    # of 10 patients a class with 6 images, 2 make the test set and a quarter of the other 8 validates
    assert Counter(entry.section for entry in read.entries) == {"training": 72, "validation": 24, "testing": 24}
    assert "notice" not in output


def test_names_of_any_bytes_go_through_the_quality_table_into_the_datalist(tmp_path):
    names = ["a\rb.png", "a\nb.png", os.fsdecode(b"\xff.png"), "=1.png", "-x.png", 'q"u,o.png', " .png", "\u9aa8.png"]
    levels = np.random.default_rng(0).integers(0, 9, (10, 16, 16)).astype(np.uint8)
    places = [*(tmp_path / "dark" / name for name in names), tmp_path / "good/1.png", tmp_path / "good/2.png"]
    for place, image in zip(places, levels):
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(place)
    table = tmp_path / "quality.csv"
    assert CliRunner().invoke(quality, [str(tmp_path / "dark"), "--output", str(table)]).exit_code == 0
    folders = ("--folder", f"a={tmp_path / 'dark'}", "--quality", table, "--good-folder", f"b={tmp_path / 'good'}")
    read, _ = build(tmp_path, *folders, "--classes", "a,b", "--test", 0, "--validation", 0)
    assert {entry.image for entry in read.entries} == set(map(str, places))


def test_an_image_with_links_is_taken_once_but_never_as_two_things(tmp_path):
    touch(tmp_path, "poor/b.png", "good/c.png")
    (tmp_path / "poor/a link.png").symlink_to("b.png")
    arguments = ("--poor-folder", f"a={tmp_path}/poor", "--good-folder", f"b={tmp_path}/good", "--classes", "a,b")
    read, output = build(tmp_path, *arguments, "--test", 0, "--validation", 0, "--keep-alike")
    assert (names(read, "training", "poor"), names(read, "training", "good")) == (["a link.png"], ["c.png"])
    assert "left out: 1 with another name for an image that is taken already" in output
    (tmp_path / "good/link.png").symlink_to(tmp_path / "poor/b.png")
    assert "link.png is listed in training/poor as " in refused(run(tmp_path, *arguments, "--keep-alike"))


def test_patterns_look_at_the_files_own_name_and_not_its_path(tmp_path):
    root = tmp_path / "covid"
    touch(root, *(f"bad/{kind}{n}.png" for kind in ("covid-", "normal-") for n in range(5)))
    touch(root, *(f"fine/{kind}{n}.png" for kind in ("covid-", "normal-") for n in range(5)))
    read, _ = build(
        tmp_path,
        *("--poor-folder", root / "bad", "--good-folder", root / "fine", "--classes", "normal,covid"),
        *("--label-pattern", "covid=^covid", "--label-pattern", "normal=^normal"),
    )
    assert Counter(entry.label for entry in read.entries) == {0: 10, 1: 10}
    for entry in read.entries:
        assert entry.label == Path(entry.file).name.startswith("covid")
        assert entry.domain == ("poor" if "/bad/" in entry.file else "good")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label-pattern", "ill=x", "--label-pattern", "healthy=png"], "two labels: the name has the patterns of"),
        (["--label-pattern", "healthy=x"], "two labels: ill, and healthy by the name x_p0_0.png"),
        (["--label-pattern", "flu=x"], "label pattern 'x': label 'flu' is not one of the classes healthy, ill"),
        (["--label-pattern", "ill=("], "'(' is not a regular expression"),
        (["--label-pattern", "ill"], "'ill': expected LABEL=REGEX"),
        (["--patient-pattern", "z[0-9]"], "x_p0_0.png: the name does not have the patient pattern 'z[0-9]'"),
        (["--poor", "good"], "the value good stands for both poor and good images"),
    ],
)
def test_patterns_that_contradict_or_miss_are_refused(tmp_path, arguments, message):
    write_collection(tmp_path / "data")
    source = ["--folder", f"ill={tmp_path / 'data/sick'}", "--quality", tmp_path / "data/quality.csv"]
    assert message in refused(run(tmp_path, *source, "--classes", "healthy,ill", *arguments))


def test_every_image_needs_a_label_and_a_grade(tmp_path):
    root = tmp_path / "data"
    write_collection(root)
    quality = ["--quality", root / "quality.csv", "--classes", "healthy,ill"]
    message = refused(run(tmp_path, "--folder", root / "sick", *quality))
    assert "x_p0_0.png: no label; its name x_p0_0.png has none of the label patterns" in message
    touch(root, "sick/z_p1_1.png")
    message = refused(run(tmp_path, "--folder", f"ill={root / 'sick'}", *quality))
    assert "z_p1_1.png: no row in" in message
    message = refused(run(tmp_path, "--folder", f"ill={root / 'sick'}", "--classes", "healthy,ill"))
    assert "--folder needs --quality" in message


def test_missing_folders_are_refused(tmp_path):
    assert "there is no such folder" in refused(run(tmp_path, "--poor-folder", "a=none", "--classes", "a,b"))
    assert "holds no image" in refused(run(tmp_path, "--poor-folder", f"a={tmp_path}", "--classes", "a,b"))


def test_dataset_folder_keeps_its_testing_images_and_gives_validation(tmp_path):
    root = tmp_path / "data"
    for folder in ("trainA", "trainB", "testA"):
        touch(root, *(f"{folder}/{label}/{folder}{n}.png" for label in ("covid", "normal") for n in range(10)))
    read, _ = build(tmp_path, "--dataset-dir", root, "--classes", "normal,covid")
    counts = Counter((entry.section, entry.domain, entry.label) for entry in read.entries)
    assert counts == {
        **{("training", domain, label): 9 for domain in ("poor", "good") for label in range(2)},
        **{("validation", domain, label): 1 for domain in ("poor", "good") for label in range(2)},
        **{("testing", "poor", label): 10 for label in range(2)},
    }


def test_images_without_any_class_are_of_one(tmp_path, manifest):
    read, output = build(tmp_path, "--manifest", manifest, "--split", "split")
    assert read.classes == ("unlabelled",)
    assert {entry.label for entry in read.entries} == {0}
    assert "restoration alone will be learned" in output


def test_one_source_with_its_own_options_is_needed(tmp_path, manifest):
    assert "give one source" in refused(run(tmp_path))
    assert "give one source" in refused(run(tmp_path, "--manifest", manifest, "--dataset-dir", tmp_path))
    assert "--label has no meaning with --dataset-dir" in refused(
        run(tmp_path, "--dataset-dir", tmp_path, "--label", "x")
    )
    assert "--classes is needed" in refused(run(tmp_path, "--manifest", manifest, "--label", "label"))
    assert "--manifest needs --label" in refused(run(tmp_path, "--manifest", manifest, "--classes", "a,b"))
    assert "--classes is needed" in refused(run(tmp_path, "--poor-folder", "a=x", "--good-folder", "b=y"))
    message = refused(run(tmp_path, "--manifest", manifest, *BY_COLUMN, "--test", "0.3"))
    assert "--test is for images without a split, but --manifest gives one" in message


def test_manifest_of_real_radiographs_gives_known_counts(tmp_path, shared):
    read, output = build(
        tmp_path,
        *("--manifest", shared / "data/cxr/manifest.csv", "--image", "file", *BY_COLUMN),
        *(
            "--domain",
            "quality",
            "--poor",
            "poor",
            "--good",
            "good",
            "--where",
            "task_covid=1",
            "--patient",
            "patient_id",
        ),
    )
    counts = Counter((entry.section == "testing", entry.domain, entry.label) for entry in read.entries)
    assert counts == {
        **{(False, "poor", 0): 93, (False, "poor", 1): 94, (False, "good", 0): 173, (False, "good", 1): 45},
        **{(True, "poor", 0): 19, (True, "poor", 1): 26, (True, "good", 0): 50, (True, "good", 1): 10},
    }
    assert "left out: 97 with quality mid" in output


def test_other_modalities_are_left_out_unless_admitted(tmp_path):
    for number, modality in enumerate(["DX", "DX", "MG"]):
        (tmp_path / "poor").mkdir(exist_ok=True)
        write_dicom_file(tmp_path / f"poor/{number}", ramp(12), Modality=modality)
    touch(tmp_path, "good/3.png", "good/4.png")
    arguments = ("--poor-folder", f"x={tmp_path}/poor", "--good-folder", f"y={tmp_path}/good", "--classes", "x,y")
    arguments = (*arguments, "--test", "0", "--validation", "0", "--keep-alike")
    read, output = build(tmp_path, *arguments)
    assert names(read, "training", "poor") == ["0", "1"]
    assert "left out: 1 with modality MG, which is not admitted (see --modality)" in output
    assert names(build(tmp_path, *arguments, "--modality", "MG")[0], "training", "poor") == ["0", "1", "2"]


def test_reader_decodes_what_is_looked_at_for_copies(tmp_path, manifest, monkeypatch):
    readers = []
    monkeypatch.setattr(copies, "LoadRadiograph", lambda reader, **_: readers.append(reader))
    run(tmp_path, "--manifest", manifest, *BY_COLUMN, "--reader", "itk")
    assert readers == ["itk"]

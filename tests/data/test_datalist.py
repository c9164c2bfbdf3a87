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
import os
import shutil
from pathlib import Path

import pytest

from monai_r2c.data import Datalist, load_datalist, read_datalist, read_dataset_dir
from monai_r2c.utils import InputError


def make_files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def make_json(root: Path, **sections: object) -> Path:
    make_files(root, "a.png", "b.png", "c.png", "d.png")
    content = {
        "classes": ["non-covid", "covid"],
        "training": {"poor": [{"image": "a.png", "label": 1}], "good": [{"image": "b.png", "label": "non-covid"}]},
    }
    path = root / "list.json"
    path.write_text(json.dumps(content | sections))
    return path


def test_items_have_absolute_image_label_index_and_file_as_written(tmp_path):
    datalist = read_datalist(make_json(tmp_path))
    assert datalist.classes == ("non-covid", "covid")
    assert datalist.items("training", "poor") == [{"image": str(tmp_path / "a.png"), "label": 1, "file": "a.png"}]
    assert datalist.items("training", "good")[0]["label"] == 0
    assert datalist.items("validation", "poor") == []


def test_optional_keys_are_kept(tmp_path):
    item = {"image": "c.png", "label": 0, "patient": 7, "reference": "d.png"}
    read = read_datalist(make_json(tmp_path, testing={"poor": [item]})).items("testing", "poor")
    assert read == [
        {
            "image": str(tmp_path / "c.png"),
            "label": 0,
            "file": "c.png",
            "patient": "7",
            "reference": str(tmp_path / "d.png"),
        }
    ]


def test_written_datalist_reads_back_the_same_from_another_folder(tmp_path):
    item = {"image": "c.png", "label": 0, "patient": "p", "reference": "d.png"}
    datalist = read_datalist(make_json(tmp_path, validation={"good": [item]}))
    other = tmp_path / "runs" / "new.json"
    datalist.write(other)
    assert json.loads(other.read_text())["training"]["poor"] == [{"image": "../a.png", "label": 1}]
    again = read_datalist(other)
    strip = [{**entry.to_dict(), "file": ""} for entry in again.entries]
    assert strip == [{**entry.to_dict(), "file": ""} for entry in datalist.entries]
    assert [path.name for path in other.parent.iterdir()] == ["new.json"]


def test_balanced_label_weights_give_every_class_the_same_share_of_the_training(tmp_path):
    good = [{"image": name, "label": 0} for name in ("b.png", "c.png", "d.png")]
    datalist = read_datalist(make_json(tmp_path, training={"poor": [{"image": "a.png", "label": 1}], "good": good}))
    assert datalist.label_weights("balanced") == [4 / (2 * 3), 4 / (2 * 1)]  # three times 2/3 is once 2
    assert datalist.label_weights([1, 3]) == [1.0, 3.0]
    assert datalist.label_weights(None) is None


def test_label_weights_that_do_not_fit_the_classes_are_refused_in_one_line(tmp_path):
    one_class = {"poor": [{"image": "a.png", "label": 0}], "good": [{"image": "b.png", "label": 0}]}
    datalist = read_datalist(make_json(tmp_path, training=one_class))
    with pytest.raises(
        InputError, match=r"^label_weights: balanced needs training images of every class; covid has none.$"
    ):
        datalist.label_weights("balanced")
    with pytest.raises(
        InputError, match=r"^label_weights: 3 weights for the classes non-covid, covid; give one for each.$"
    ):
        datalist.label_weights([1, 2, 3])


def test_unknown_section_or_domain_is_an_error():
    with pytest.raises(ValueError, match="'train'"):
        Datalist(("a",), ()).items("train", "poor")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"classes": []}, "classes must be a list of distinct names"),
        ({"classes": ["a", "a"]}, "classes must be a list of distinct names"),
        ({"train": {}}, "unknown key 'train'; allowed are classes, training, validation, testing"),
        ({"training": []}, "training must be an object with the keys poor and good"),
        ({"training": {"bad": []}}, "training: unknown key 'bad'; allowed are poor, good"),
        ({"training": {"poor": {}}}, "training/poor must be a list"),
        ({"training": {"poor": ["a.png"]}}, r"training/poor\[0\] must be an item"),
        ({"training": {"poor": [{"label": 0}]}}, r"training/poor\[0\]: the key image is missing"),
        ({"training": {"poor": [{"image": "a.png"}]}}, r"training/poor\[0\]: the key label is missing"),
        ({"training": {"poor": [{"image": "a.png", "label": 0, "lable": 1}]}}, "unknown key 'lable'"),
        ({"training": {"poor": [{"image": 3, "label": 0}]}}, "image must be a path, got 3"),
        (
            {"training": {"poor": [{"image": "a.png", "label": 0}]}},
            "training/good holds no image; at least one is needed",
        ),
        ({"testing": {"poor": [{"image": "c.png", "label": 2}]}}, r"testing/poor\[0\] \(c.png\): label 2 .* 0 to 1"),
        ({"testing": {"poor": [{"image": "c.png", "label": True}]}}, "label True is not one of"),
        ({"testing": {"poor": [{"image": "c.png", "label": "flu"}]}}, "label 'flu' .* classes non-covid, covid"),
        ({"testing": {"poor": [{"image": "x.png", "label": 0}]}}, "x.png in testing/poor: there is no file .*x.png"),
        (
            {"testing": {"poor": [{"image": "c.png", "label": 0, "reference": "x.png"}]}},
            "c.png in testing/poor: there is no file .*x.png",
        ),
        (
            {"testing": {"poor": [{"image": "./a.png", "label": 0}]}},
            "./a.png is listed in training/poor as a.png and again in testing/poor",
        ),
        (
            {
                "validation": {"poor": [{"image": "c.png", "label": 0, "patient": "P1"}]},
                "testing": {"good": [{"image": "d.png", "label": 0, "patient": "P1"}]},
            },
            r"patient P1 is in validation \(c.png\) and in testing \(d.png\)",
        ),
    ],
)
def test_wrong_form_is_refused_in_one_line(tmp_path, sections, message):
    path = make_json(tmp_path, **sections)
    with pytest.raises(InputError, match=message) as refused:
        read_datalist(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_missing_file_and_other_than_json_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none.json: cannot read the datalist: No such file"):
        read_datalist(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{classes:")
    with pytest.raises(InputError, match=r"bad.json: not a JSON file") as refused:
        read_datalist(tmp_path / "bad.json")
    assert "\n" not in str(refused.value)


def test_same_patient_may_be_in_both_domains_of_one_section(tmp_path):
    training = {domain: [{"image": f"{domain}.png", "label": 0, "patient": "P1"}] for domain in ("poor", "good")}
    make_files(tmp_path, "poor.png", "good.png")
    assert len(read_datalist(make_json(tmp_path, training=training)).entries) == 2


def test_required_places_can_be_others_than_training(tmp_path):
    path = make_json(tmp_path, training={}, testing={"poor": [{"image": "c.png", "label": 0}]})
    assert len(read_datalist(path, required=["testing/poor"]).entries) == 1
    with pytest.raises(InputError, match="testing/good holds no image"):
        read_datalist(path, required=["testing/good"])


def test_load_needs_exactly_one_source(tmp_path):
    with pytest.raises(InputError, match="got neither"):
        load_datalist()
    with pytest.raises(InputError, match="got both"):
        load_datalist(datalist="a.json", dataset_dir="a")


def test_load_refuses_other_classes_than_the_file_has(tmp_path):
    path = make_json(tmp_path)
    assert load_datalist(path, classes="non-covid, covid").classes == ("non-covid", "covid")
    with pytest.raises(InputError, match=r"classes are covid, non-covid, but .* has non-covid, covid"):
        load_datalist(path, classes=["covid", "non-covid"])


@pytest.mark.parametrize(
    ("poor", "good", "test_poor"),
    [
        ("trainA", "trainB", "testA"),
        ("train/poor", "train/good", "test/poor"),
        ("training/poor", "training/good", "testing/poor"),
    ],
)
def test_folders_of_classes_give_labels_and_classes(tmp_path, poor, good, test_poor):
    make_files(tmp_path, f"{poor}/sick/1.PNG", f"{poor}/healthy/2.nii.gz", f"{good}/sick/deep/3.dcm")
    make_files(
        tmp_path,
        f"{test_poor}/healthy/4.tif",
        f"{poor}/sick/notes.txt",
        f"{poor}/sick/.hidden.png",
        f"{poor}/.cache/5.png",
    )
    datalist = load_datalist(dataset_dir=tmp_path)
    assert datalist.classes == ("healthy", "sick")
    assert [(item["file"], item["label"]) for item in datalist.items("training", "poor")] == [
        (f"{poor}/healthy/2.nii.gz", 0),
        (f"{poor}/sick/1.PNG", 1),
    ]
    assert datalist.items("training", "good")[0]["image"] == str(tmp_path / good / "sick/deep/3.dcm")
    assert [item["label"] for item in datalist.items("testing", "poor")] == [0]


def test_dicom_files_without_suffix_are_found(tmp_path):
    make_files(tmp_path, "trainA/sick/1.2.840.7", "trainB/sick/2.png", "trainA/sick/README")
    (tmp_path / "trainA/sick/1.2.840.7").write_bytes(bytes(128) + b"DICM")
    datalist = read_dataset_dir(tmp_path, ["sick"])
    assert [item["file"] for item in datalist.items("training", "poor")] == ["trainA/sick/1.2.840.7"]


def make_labelled(root: Path, *rows: str, header: str = "file,label,reference,patient") -> Path:
    make_files(root, "train/poor/1.png", "train/good/2.png", "validation/poor/3.png", "validation/clean/3.png")
    (root / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return root


GOOD_ROWS = ("train/poor/1.png,covid,,P1", "train/good/2.png,non-covid,,P2")


def test_labels_csv_gives_labels_references_and_patients(tmp_path):
    root = make_labelled(tmp_path, *GOOD_ROWS, "validation/poor/3.png,covid,validation/clean/3.png,P3")
    datalist = load_datalist(dataset_dir=root, classes=["non-covid", "covid"])
    assert datalist.items("validation", "poor") == [
        {
            "image": str(root / "validation/poor/3.png"),
            "label": 1,
            "file": "validation/poor/3.png",
            "patient": "P3",
            "reference": str(root / "validation/clean/3.png"),
        }
    ]
    assert "reference" not in datalist.items("training", "poor")[0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (GOOD_ROWS, "validation/poor/3.png has no label"),
        ((*GOOD_ROWS, "validation/poor/3.png,flu,,"), "validation/poor/3.png: label 'flu' .* non-covid, covid"),
        ((*GOOD_ROWS, "train/poor/1.png,non-covid,,"), r"train/poor/1.png is listed twice \(covid, non-covid\)"),
        ((*GOOD_ROWS, "train/poor/9.png,covid,,"), "line 4: there is no file .*9.png"),
        ((*GOOD_ROWS, "train/poor/9.png"), "line 4: file and label must not be empty"),
        ((*GOOD_ROWS, "validation/poor/3.png,covid,x.png,"), "there is no file .*x.png"),
        ((*GOOD_ROWS, "validation/poor/3.png,covid,,P1"), "patient P1 is in training .* and in validation"),
    ],
)
def test_faults_of_labels_csv_are_refused_in_one_line(tmp_path, rows, message):
    with pytest.raises(InputError, match=message) as refused:
        read_dataset_dir(make_labelled(tmp_path, *rows), ["non-covid", "covid"])
    assert "\n" not in str(refused.value)


def test_labels_csv_needs_its_header_and_classes(tmp_path):
    with pytest.raises(InputError, match=r"classes are needed to read labels.csv"):
        read_dataset_dir(make_labelled(tmp_path, *GOOD_ROWS))
    with pytest.raises(InputError, match="there is no column file; the columns are image, class"):
        read_dataset_dir(make_labelled(tmp_path, header="image,class"), ["a"])


def test_label_by_folder_and_by_table_must_agree(tmp_path):
    make_files(tmp_path, "trainA/covid/1.png", "trainB/2.png")
    (tmp_path / "labels.csv").write_text("file,label\ntrainA/covid/1.png,non-covid\ntrainB/2.png,covid\n")
    with pytest.raises(InputError, match=r"two labels: the folder says covid, labels.csv says non-covid"):
        read_dataset_dir(tmp_path, ["non-covid", "covid"])


def test_images_directly_in_the_domains_folders_are_of_one_class(tmp_path):
    make_files(tmp_path, "trainA/1.png", "trainB/2.png")
    (tmp_path / "trainB/2.png").write_bytes(b"another")
    read = read_dataset_dir(tmp_path)
    assert read.classes == ("unlabelled",)
    assert [entry.label for entry in read.entries] == [0, 0]


def test_wrong_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no such dataset folder"):
        read_dataset_dir(tmp_path / "none")
    with pytest.raises(InputError, match="expected folders such as trainA"):
        read_dataset_dir(tmp_path)
    make_files(tmp_path, "trainA/1.png", "trainB/covid/2.png")
    with pytest.raises(InputError, match=r"1.png: the image has no label; put it into a folder"):
        read_dataset_dir(tmp_path)
    make_files(tmp_path, "train/poor/covid/1.png")
    with pytest.raises(InputError, match=r"trainA and train/poor both stand for training/poor"):
        read_dataset_dir(tmp_path)


def test_class_folder_outside_classes_is_refused(tmp_path):
    make_files(tmp_path, "trainA/covid/1.png", "trainB/flu/2.png")
    with pytest.raises(InputError, match=r"trainB/flu/2.png: label 'flu' is not one of the classes non-covid, covid"):
        read_dataset_dir(tmp_path, ["non-covid", "covid"])


@pytest.mark.parametrize("how", [shutil.copy, os.link])
def test_a_copy_in_another_section_or_with_another_label_is_refused(tmp_path, how) -> None:
    path = make_json(tmp_path, testing={"poor": [{"image": "c.png", "label": 0}]})
    (tmp_path / "a.png").write_bytes(b"pixels")
    (tmp_path / "c.png").unlink()
    how(tmp_path / "a.png", tmp_path / "c.png")
    with pytest.raises(InputError, match=r"a.png in training/poor and c.png in testing/poor are the same image"):
        read_datalist(path)
    items = [{"image": "a.png", "label": 0}, {"image": "c.png", "label": 1}]
    path = make_json(tmp_path, training={"poor": items, "good": [{"image": "b.png", "label": 0}]})
    (tmp_path / "a.png").write_bytes(b"pixels")
    (tmp_path / "c.png").unlink()
    how(tmp_path / "a.png", tmp_path / "c.png")
    with pytest.raises(InputError, match="with two labels or domains"):
        read_datalist(path)


def test_a_reference_that_is_a_training_image_is_refused(tmp_path) -> None:
    path = make_json(tmp_path, testing={"poor": [{"image": "c.png", "label": 0, "reference": "b.png"}]})
    with pytest.raises(InputError, match="are an image and its clean original; they belong in one section"):
        read_datalist(path)


def test_a_study_in_two_sections_is_refused(tmp_path) -> None:
    training = {"poor": [{"image": "a.png", "label": 0, "study": "S"}], "good": [{"image": "b.png", "label": 0}]}
    path = make_json(tmp_path, training=training, testing={"poor": [{"image": "c.png", "label": 0, "study": "S"}]})
    with pytest.raises(InputError, match="study S is in training"):
        read_datalist(path)


def test_true_is_no_patient_and_no_class_are_no_classes(tmp_path) -> None:
    path = make_json(tmp_path, testing={"poor": [{"image": "c.png", "label": 0, "patient": True}]})
    with pytest.raises(InputError, match="patient must be a name or number, got True"):
        read_datalist(path)
    path = make_json(tmp_path, classes=[])
    with pytest.raises(InputError, match="list of distinct names"):
        read_datalist(path)

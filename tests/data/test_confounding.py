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

from pathlib import Path

import pytest

from monai_r2c.apps.cli import cli
from monai_r2c.data import Datalist, DatalistItem, find_confounding, read_datalist, read_dataset_dir
from monai_r2c.data.confounding import cramers_v


def _datalist(*groups: tuple[int, str, int, str | None], folder: str = "/data") -> Datalist:
    entries = [
        DatalistItem("training", domain, f"{folder}/{number}-{index}.png", label, "x", source=source)
        for number, (count, domain, label, source) in enumerate(groups)
        for index in range(count)
    ]
    return Datalist(("non-covid", "covid"), tuple(entries))


def test_cramers_v_by_hand() -> None:
    # of 20 and 20 images, 15 and 5 are poor: chi-squared is 10, so V is the root of 10 / 40
    first = ["a"] * 20 + ["b"] * 20
    second = ["poor"] * 15 + ["good"] * 5 + ["poor"] * 5 + ["good"] * 15
    strength, p = cramers_v(first, second)
    assert strength == pytest.approx(0.5)
    assert p == pytest.approx(0.00157, abs=1e-5)
    assert cramers_v(first, ["poor"] * 40) == (0, 1)


def test_label_that_equals_the_source_is_warned_of() -> None:
    (warning,) = find_confounding(
        _datalist((10, "poor", 0, "NIH"), (10, "good", 0, "NIH"), (8, "poor", 1, "MHH"), (8, "good", 1, "MHH"))
    )
    assert warning.startswith("label and source are the same thing (Cramer's V 1.00; non-covid: NIH 20; covid: MHH 16)")


def test_label_that_goes_with_the_quality_is_warned_of() -> None:
    (warning,) = find_confounding(_datalist((30, "poor", 1, None), (5, "good", 1, None), (30, "good", 0, None)))
    assert "label and image quality (poor or good) go together" in warning


def test_balanced_images_and_chance_in_few_are_silent() -> None:
    assert find_confounding(_datalist(*((10, d, c, s) for d in ("poor", "good") for c in (0, 1) for s in "AB"))) == []
    assert find_confounding(_datalist((2, "poor", 0, "A"), (2, "good", 1, "B"))) == []
    assert find_confounding(_datalist()) == []


def _in_folders(*folders: str) -> Datalist:
    """Ten images in each folder, half of them poor; the class of every second folder is the second one."""
    entries = [
        DatalistItem("training", ("poor", "good")[n % 2], f"/data/{folder}/{n}.png", label % 2, "x")
        for label, folder in enumerate(folders)
        for n in range(10)
    ]
    return Datalist(("non-covid", "covid"), tuple(entries))


@pytest.mark.parametrize("name", ["non-covid", "normal", "x"])
@pytest.mark.parametrize("place", ["{}", "train/{}", "{}/poor"])
def test_what_is_said_of_a_folder_for_each_class_does_not_hang_on_its_name(name: str, place: str) -> None:
    (warning,) = find_confounding(_in_folders(place.format(name), place.format("covid")))
    assert warning.startswith("each class lies in a folder of its own and no source is given")


def test_a_level_of_folders_beside_that_of_the_classes_is_the_source() -> None:
    (warning,) = find_confounding(_in_folders("hannover/normal", "nih/covid"))
    assert warning.startswith("label and source are the same thing")
    assert find_confounding(_in_folders("a/normal", "a/covid", "b/normal", "b/covid")) == []


def test_phantoms_are_not_confounded(tmp_path: Path) -> None:
    options = f"phantom {tmp_path}/phantoms --size 64 --train 12 --validation 2 --test 4"
    cli(options.split(), standalone_mode=False)
    assert find_confounding(read_dataset_dir(tmp_path / "phantoms", ("non-covid", "covid"))) == []


def test_real_manifest_is_warned_of_by_the_command_and_the_source_is_kept(shared: Path, tmp_path: Path, capsys) -> None:
    arguments = (
        f"datalist --manifest {shared}/data/cxr/manifest.csv --label label "
        f"--classes non-covid,covid --split split --patient patient_id --source provider --where task_covid=1 "
        f"--out {tmp_path}/list.json"
    )
    cli(arguments.split(), standalone_mode=False)
    assert "warning: label and source are the same thing (Cramer's V 1.00" in capsys.readouterr().out
    sources = {(entry.label, entry.source) for entry in read_datalist(tmp_path / "list.json").entries}
    assert len(sources) == 2


def test_a_label_that_goes_together_with_the_view_is_told():
    entries = [
        DatalistItem("training", "poor", f"/{n}.png", n % 2, f"{n}.png", view=("PA", "AP")[n % 2]) for n in range(40)
    ]
    (warning,) = find_confounding(Datalist(("no", "yes"), tuple(entries)))
    assert warning.startswith("label and view are the same thing")

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
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from benchmarks.box.validation import LOOKS, score_on_validation, table, validation_cases
from benchmarks.native.__main__ import DOCS, RESULTS, main
from benchmarks.native.bounds import BOUNDS
from benchmarks.native.cases import cases_of
from benchmarks.native.scores import score
from benchmarks.native.tables import tables
from monai_r2c.data import with_edges
from monai_r2c.networks import NativeGenerator, R2CGenerator, save_model
from monai_r2c.utils import InputError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two small radiographs where the benchmark looks for those of 1024 pixels."""
    folder = tmp_path / "data/native/images"
    folder.mkdir(parents=True)
    rows = []
    for number, split in enumerate(("test", "train", "test")):
        values = np.random.default_rng(number).integers(60, 200, (12, 12)).astype(np.uint8)
        Image.fromarray(values).resize((192, 192), Image.Resampling.BICUBIC).save(folder / f"native-{number}.png")
        rows.append({"file": f"images/native-{number}.png", "split": split, "patient_id": f"p{number}"})
    with (tmp_path / "data/native/manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "data"


def run(data: Path, *options: str) -> Result:
    folders = ["--data", str(data), "--work", str(data / "work"), "--results", str(data / "results")]
    return CliRunner().invoke(main, ["run", "--bed", "known", *options, *folders], catch_exceptions=False)


def test_a_case_is_the_same_each_time_and_another_in_each_bed(data: Path) -> None:
    first, again, other = (cases_of(bed, data, data)[0].pair() for bed in ("known", "known", "unknown"))
    assert [case.name for case in cases_of("known", data, data)] == ["native-0", "native-2"]
    assert torch.equal(first[1], again[1])
    assert torch.equal(first[0], other[0])
    assert not torch.equal(first[1], other[1])


def test_a_run_goes_on_where_it_stopped_and_its_tables_say_what_was_found(data: Path) -> None:
    methods = ("--method", "poor", "--method", "clahe")
    assert run(data, *methods, "--most", "1").output.count("native-0") == 2
    assert run(data, *methods).output.count("native-2") == 2
    assert run(data, *methods).output == ""
    found = json.loads((data / "results/known/poor.json").read_text())["images"]
    assert list(found) == ["native-0", "native-2"]
    mean = np.mean([row["scores"]["psnr"] for row in found.values()])
    text = tables(data / "results")
    assert "Means over 2 images of 2 patients" in text
    assert f"| poor image | {mean:.2f} |" in text


def test_a_model_that_is_told_what_it_has_to_guess_is_nearer(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = {"spatial_dims": 2, "in_channels": 1, "features": 4}
    for name, network in (("native", NativeGenerator(whole, 64, 8)), ("small", R2CGenerator(**whole))):
        save_model(tmp_path / f"{name}.pt", network, ("a", "b"), 64)
    folders = ["--data", str(data), "--work", str(data / "work"), "--results", str(data / "results")]
    bounds = ["bounds", "--most", "1", *folders, "--model"]
    found = CliRunner().invoke(main, [*bounds, str(tmp_path / "native.pt")], catch_exceptions=False)
    assert "known: the native model 0." in found.output
    kept = json.loads((data / "results/bounds.json").read_text())
    for bed in ("known", "unknown"):
        assert kept[bed]["restored"] < kept[bed]["thumbnail"] < 1
        assert kept[bed]["restored"] < kept[bed]["line"] < kept[bed]["coarse"] < 1
    with pytest.raises(InputError, match=r"small\.pt: is a R2CGenerator; it must be a NativeGenerator"):
        CliRunner().invoke(main, [*bounds, str(tmp_path / "small.pt")], catch_exceptions=False)


def test_the_decision_says_what_the_bounds_say() -> None:
    kept = json.loads((RESULTS / "bounds.json").read_text())
    text = (DOCS / "decisions/native_size.md").read_text()
    rows = [f"| {kept['known'][name]:.3f} | {kept['unknown'][name]:.3f} |" for name in BOUNDS]
    places = [text.index(row) for row in rows]
    assert places == sorted(places)


def test_scores_of_the_clean_image_are_perfect_and_blur_shows_in_the_edges() -> None:
    clean = torch.from_numpy(with_edges(np.full((384, 384), 0.5, np.float32)))[None]
    noise = 0.01 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    scores = score(clean + noise, clean, has_edges=True)
    assert scores["psnr"] == pytest.approx(40, abs=0.1)
    assert np.hypot(scores["error_coarse"], scores["error_fine"]) == pytest.approx(2.55 * np.sqrt(np.pi) / 2, rel=0.03)
    assert scores["mtf"] == pytest.approx(1, abs=0.05)
    smooth = torch.nn.functional.avg_pool2d(clean, 3, 1, 1)
    # a mean of three pixels passes (1 + 2 cos(pi / 2)) / 3 of half Nyquist's frequency
    assert score(smooth, clean, has_edges=True)["mtf"] == pytest.approx(1 / 3, abs=0.02)


def test_the_page_says_what_the_results_say() -> None:
    if not RESULTS.is_dir():
        pytest.skip("there are no results yet")
    assert (DOCS / "figures/native_results.inc").read_text(encoding="utf-8") == tables(RESULTS)


def test_validation_shows_originals_as_other_hospitals_might_have_them(data: Path, tmp_path: Path) -> None:
    files = [str(data / f"native/images/native-{number}.png") for number in (0, 2, 1)]
    poor, good, seen = ([{"image": file, "label": 0, "patient": file}] for file in files)
    sections = {
        "training": {"poor": poor, "good": good},
        "validation": {"poor": [{**seen[0], "reference": files[2]}], "good": []},
    }
    (tmp_path / "datalist.json").write_text(json.dumps({"classes": ["a", "b"], **sections}))
    (data / "cxr").mkdir()
    (data / "cxr/manifest.csv").write_text(
        "file,label,split,quality,patient_id,label_pneumonia,matched_pneumonia\n"
        "0.png,covid,test,good,h0,,\n1.png,covid,train,good,h1,,\n2.png,covid,train,poor,h2,,\n3.png,non-covid,train,good,n,,\n"
    )
    cases = validation_cases(data, tmp_path / "datalist.json")
    seen = {look: cases[look]["known"][0].pair()[0] for look in LOOKS}
    assert seen["lighter"].mean() > seen["as they are"].mean() > seen["darker"].mean()
    assert seen["harder"].std() > seen["as they are"].std() > seen["softer"].std()
    assert [case.group for case in cases["of another hospital"]["known"]] == ["h1"]  # none of its test, none poor
    whole = {"spatial_dims": 2, "in_channels": 1, "features": 4}
    save_model(tmp_path / "native.pt", NativeGenerator(whole, 64, 8), ("a", "b"), 64)
    text = table({"new": score_on_validation(tmp_path / "native.pt", {"as they are": cases["as they are"]})})
    assert "| 1 as they are |" in text

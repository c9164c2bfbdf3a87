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
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks.restoration import runner
from benchmarks.restoration.__main__ import main
from benchmarks.restoration.beds import Bed
from benchmarks.restoration.classification import read_class_results
from benchmarks.restoration.exposure import read_exposure
from benchmarks.restoration.findings import filled
from benchmarks.restoration.job import run_job
from benchmarks.restoration.judge import KEPT, load_judge, make_judge_network
from benchmarks.restoration.method import Lesson, bed_to_learn_from, find_method, method_names
from benchmarks.restoration.page import PAGE, render
from benchmarks.restoration.rejudge import judged_again
from benchmarks.restoration.results import read_results, read_shorter_results, result_path, write_result
from benchmarks.restoration.runner import Job, jobs_of, run_jobs
from benchmarks.restoration.settings import Settings, read_settings
from benchmarks.restoration.strips import ORIGINAL, keep_strips, read_strip, strip_path
from benchmarks.restoration.summary import best_baseline, difference, of_one_judge, summarise
from monai_r2c.utils import InputError

FILTERS = [name for name in method_names() if find_method(name).kind == "filter"]


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_shape_and_range(name: str, bed: Bed, settings: Settings, tmp_path: Path) -> None:
    learned = find_method(name).learn(Lesson(bed, settings, 0, tmp_path, print))
    for image in (torch.rand(1, 48, 48), torch.zeros(1, 48, 48)):
        restored = learned.restore(image)
        assert restored.shape == image.shape
        assert 0 <= restored.min() <= restored.max() <= 1


def test_methods_learn_where_they_may() -> None:
    settings = read_settings()
    assert bed_to_learn_from(find_method("r2c_operational"), "known", settings) == "known"
    assert bed_to_learn_from(find_method("r2c_operational"), "foreign", settings) == "unknown"
    assert bed_to_learn_from(find_method("r2c_operational"), "real", settings) == "real"
    assert bed_to_learn_from(find_method("pairs_wide_unet"), "known", settings) == "unknown"
    assert bed_to_learn_from(find_method("true_pairs_unet"), "known", settings) == "known"
    assert bed_to_learn_from(find_method("clahe"), "real", settings) == "unknown"


def test_unknown_method_is_one_line() -> None:
    with pytest.raises(InputError, match="method: there is no 'magic'; methods/ has"):
        find_method("magic")


@pytest.fixture
def judged(work: Path, settings: Settings) -> Path:
    """The work folder with a judge that has not learned anything."""
    torch.save({"weights": make_judge_network().state_dict(), "auc": 0.5}, work / "judge.pt")
    return work


def test_the_poor_image_scores_as_the_poor_image(judged: Path, settings: Settings) -> None:
    result = run_job("nothing", "unknown", 0, judged, settings)
    bed = Bed(judged / "beds/unknown", settings)
    images = bed.select("test", "poor")
    errors = (bed.read(images) - bed.read(images, references=True)).square().mean((1, 2, 3))
    assert result["scores"]["psnr"] == pytest.approx((-10 * errors.log10()).tolist(), abs=1e-3)
    assert result["patients"] == ["p9", "p10", "p11"]
    assert result["images"] == bed.digest


def test_what_the_panel_shows_is_kept_with_the_results(judged: Path, settings: Settings, tmp_path: Path) -> None:
    result = run_job("nothing", "unknown", 0, judged, settings)
    keep_strips("unknown", [{**result, "seed": 1}, result], judged, tmp_path)
    bed = Bed(judged / "beds/unknown", settings)
    images = bed.select("test", "poor")
    for method, references in (("nothing", False), (ORIGINAL, True)):
        shown = read_strip(strip_path(tmp_path, "unknown", method))
        expected = (255 * bed.read(images, references=references)[:, 0]).round().to(torch.uint8)
        assert torch.equal(torch.from_numpy(np.stack(shown)), expected)


def test_a_bed_without_references_is_scored_without(judged: Path, settings: Settings) -> None:
    result = run_job("nothing", "real", 0, judged, settings)
    assert set(result["scores"]) == {"checkerboard", "niqe", "class_preserved"}
    assert result["scores"]["class_preserved"] == [1.0] * 3


def test_filters_have_one_seed(settings: Settings) -> None:
    jobs = jobs_of("unknown", ["nothing", "r2c_light"], [0, 1], settings)
    assert [job.name for job in jobs] == ["unknown/nothing/0", "unknown/r2c_light/0", "unknown/r2c_light/1"]


def test_a_method_that_fails_is_a_row_that_says_so(
    judged: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Any
) -> None:
    def start(job: Job, work: Path, results: Path, minutes: float | None) -> subprocess.Popen:
        log = runner.log_of(job, work)
        log.parent.mkdir(parents=True, exist_ok=True)
        if job.method == "clahe":
            return subprocess.Popen([sys.executable, "-c", "raise SystemExit('no memory')"], stderr=log.open("wb"))
        write_result(results, fake(job.method))
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(runner, "_start", start)
    monkeypatch.setattr(runner, "_POLL_SECONDS", 0.01)
    jobs = jobs_of("unknown", ["clahe", "nothing"], [0], settings)
    assert run_jobs(jobs, 2, judged, tmp_path, settings) == 1
    assert json.loads(result_path(tmp_path, "unknown", "clahe", 0).read_text())["error"] == "no memory"
    digest = Bed(judged / "beds/unknown", settings).digest
    write_result(tmp_path, {**fake("nothing"), "images": digest})
    page = render(read_results(tmp_path), {}, [], settings)
    assert "| CLAHE | failed: no memory |" in page
    # what is there is not run again
    assert run_jobs(jobs, 1, judged, tmp_path, settings) == 0


def test_results_of_other_images_are_refused(tmp_path: Path, fake: Any) -> None:
    write_result(tmp_path, fake("nothing"))
    write_result(tmp_path, {**fake("clahe"), "images": "other"})
    with pytest.raises(InputError, match=r"was made from other images"):
        read_results(tmp_path)


def test_run_refuses_results_of_another_bed(judged: Path, tmp_path: Path, fake: Any) -> None:
    done = CliRunner().invoke(main, ["run", "--bed", "unknown", "--work", str(tmp_path), "--results", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output.strip().count("\n") == 0
    assert "bed.json: no such file" in done.output


def test_differences_are_paired_and_to_the_best_on_validation(fake: Any) -> None:
    results = [fake("nothing", 0.5), fake("clahe", 0.6), fake("r2c_light", 0.7)]
    assert best_baseline(results) == "clahe"
    rows = {row.method: row for row in summarise(results)}
    assert rows["r2c_light"].differences["ssim"].mean == pytest.approx(0.1)
    # every image differs by the same, so the interval has no width
    assert rows["r2c_light"].differences["ssim"].low == pytest.approx(0.1)
    assert rows["r2c_light"].scores["ssim"].low < 0.7 < rows["r2c_light"].scores["ssim"].high
    assert not rows["clahe"].differences


def test_seeds_are_averaged_image_by_image(fake: Any) -> None:
    results = [fake("r2c_light", 0.6), {**fake("r2c_light", 0.8), "seed": 1}]
    assert summarise(results)[0].scores["ssim"].mean == pytest.approx(0.7)


def test_a_difference_is_over_the_seeds_that_both_have(fake: Any) -> None:
    ours = [fake("r2c_light", 0.7), {**fake("r2c_light", 0.9), "seed": 1}, {**fake("r2c_light", 0.1), "seed": 2}]
    theirs = [fake("nothing", 0.6), {**fake("nothing", 0.6), "seed": 1}]
    found = difference(ours, theirs)
    assert found["ssim"].mean == pytest.approx(0.2)
    assert found["ssim"].low == pytest.approx(0.2)  # every image differs by the same


def test_sentences_take_their_numbers_from_the_results(fake: Any) -> None:
    results = [fake("nothing", 0.5), fake("r2c_light", 0.7), {**fake("r2c_light", 0.9), "seed": 1}]
    tables = {"unknown": summarise(results)}

    def said(asked: str) -> str:
        return filled(f"{{unknown/{asked}}}", tables)

    assert said("r2c_light/ssim") == "0.800"
    assert said("r2c_light/seeds") == "2"
    assert said("r2c_light-nothing/ssim") == "+0.200 (0.200 to 0.200)"  # the seed that both have
    assert said("r2c_light-nothing/seeds") == "1"
    assert said("r2c_light/better_ssim") == "100"
    assert said("clahe/ssim") == said("r2c_light-clahe/ssim") == "(no result yet)"
    assert filled("{auc/unknown/resnet18/poor}", tables) == "(no result yet)"


def test_the_page_is_made_from_the_results() -> None:
    page = render(read_results(), read_shorter_results(), read_class_results(), read_settings(), read_exposure())
    assert PAGE.read_text(encoding="utf-8") == page, "run: python -m benchmarks.restoration page"


def test_the_judge_is_trained_once(work: Path, settings: Settings, tmp_path: Path) -> None:
    bed = Bed(work / "beds/unknown", settings)
    judge = load_judge(tmp_path / "judge.pt", bed, epochs=1)
    again = load_judge(tmp_path / "judge.pt", bed, epochs=1)
    images = torch.rand(4, 1, 48, 48)
    assert torch.equal(judge.features(images), again.features(images))
    assert 0 <= again.auc <= 1


def test_the_judge_of_the_benchmarks_images_is_the_kept_one(tmp_path: Path) -> None:
    results = read_results(bed="unknown")
    bed = SimpleNamespace(digest=results[0]["images"])
    assert 0.8 < load_judge(tmp_path / "judge.pt", bed).auc < 0.9  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_the_judge_of_the_page_is_the_kept_one() -> None:
    shown = {run["judge_auc"] for run in of_one_judge(read_results()) if run.get("distances")}
    assert shown == {round(torch.load(KEPT, weights_only=True)["auc"], 4)}


def test_scores_of_another_judge_are_left_out(fake: Any) -> None:
    ours = [fake("nothing"), {**fake("clahe"), "seed": 1}]
    other = {**fake("clahe"), "judge_auc": 0.8, "distances": {"frechet": 9.0, "kernel": 0.9}}
    for result, kept in zip((*ours, other), (1.0, 0.5, 0.0)):
        result["scores"]["class_preserved"] = [kept] * 4
    rows = {row.method: row for row in summarise(of_one_judge([*ours, other]))}
    assert rows["clahe"].mean("distances", "frechet") == 1.0
    assert rows["clahe"].scores["class_preserved"].mean == 0.5
    (alone,) = summarise(of_one_judge([*ours, {**other, "method": "wavelet"}]))[2:]
    assert "class_preserved" not in alone.scores
    assert np.isnan(alone.mean("distances", "frechet"))


def test_the_kept_judge_scores_again_what_another_scored(judged: Path, settings: Settings, tmp_path: Path) -> None:
    result = run_job("nothing", "unknown", 0, judged, settings)
    wrong = {"judge_auc": 0.9, "distances": {}, "scores": {**result["scores"], "class_preserved": []}}
    write_result(tmp_path, {**result, **wrong})
    (again,) = judged_again("unknown", judged, tmp_path, settings)
    assert again["scores"]["class_preserved"] == result["scores"]["class_preserved"]
    assert again["distances"] == pytest.approx(result["distances"], rel=1e-3)  # images are kept in 16 bits
    assert again["judge_auc"] == 0.5
    write_result(tmp_path, result)
    assert not list(judged_again("unknown", judged, tmp_path, settings))


@pytest.fixture
def fake() -> Any:
    """A result as a job writes it, of four images of two patients, with a given mean SSIM."""

    def result(method: str, ssim: float = 0.5) -> dict[str, Any]:
        found = find_method(method)
        return {
            "bed": "unknown",
            "method": method,
            "seed": 0,
            "title": found.title,
            "kind": found.kind,
            "learned_on": "unknown",
            "images": "a",
            "commit": "c",
            "host": {"processor": "p"},
            "judge_auc": 0.9,
            "minutes": 0.0,
            "settings": {},
            "milliseconds": 1.0,
            "distances": {"frechet": 1.0, "kernel": 0.1},
            "validation": {"ssim": ssim},
            "patients": ["p", "p", "q", "q"],
            "kinds": ["faults"] * 4,
            "scores": {"psnr": [20.0, 21.0, 22.0, 23.0], "ssim": [ssim - 0.1, ssim - 0.1, ssim + 0.1, ssim + 0.1]},
        }

    return result

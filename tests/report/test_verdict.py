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

import re
from pathlib import Path

import pytest

from monai_r2c.handlers.tables import ScoreRow
from monai_r2c.handlers.tables.cases import DOUBTFUL, LEAST_BAD, LEAST_GOOD, choose_cases
from monai_r2c.metrics import Score
from monai_r2c.report.collect import RunContents
from monai_r2c.report.curves import draw_panel
from monai_r2c.report.html import render_html
from monai_r2c.report.markdown import render_markdown
from monai_r2c.report.verdict import find_change, judge_restoration


def _run(changes: list[float], name: str = "niqe", before: float = 5.0, patients: int = 0) -> RunContents:
    rows = [
        {"file": f"{i}.png", name: str(before), f"{name}_restored": str(before + change)}
        | ({"patient": f"p{i % patients}"} if patients else {})
        for i, change in enumerate(changes)
    ]
    count, after = len(changes), before + sum(changes) / len(changes)
    groups = patients or count
    scores = [
        ScoreRow("poor", name, Score(before, before - 1, before + 1, "", count, groups)),
        ScoreRow("poor", f"{name}_restored", Score(after, after - 1, after + 1, "", count, groups)),
        ScoreRow("poor", "specificity", Score(1.0, 0.44, 1.0, "", 3, 3)),
    ]
    return RunContents(Path("run"), scores=scores, predictions=rows)


def test_all_worse_is_called_harm_by_the_first_sentence_the_tile_and_the_tag() -> None:
    run = _run([30.0 + i for i in range(10)])
    kind, sentence = judge_restoration(run)
    assert kind == "harmed"
    assert sentence.startswith("Restoration harmed: NIQE")
    assert "rose by 34.50 on average" in sentence
    assert "no image became better" in sentence
    assert "10 images" in sentence
    page = render_html(run, "")
    body = page.partition("<main")[2]
    assert re.sub("<[^>]*>", "", body.partition("</p>")[0]).partition(">")[2].strip() == sentence
    assert 'class="change harmed">▲ +34.5, worse' in page
    assert sentence in render_markdown(run, "").replace("\\", "")
    rows = [{"niqe": 4.8, "niqe_restored": 40.0 + i} for i in range(4)]
    assert choose_cases(rows, 1)[0] == [LEAST_BAD]


def test_gain_that_niqe_or_a_flag_denies_is_not_called_best_nor_worse() -> None:
    rows = [{"psnr": 20.0, "psnr_restored": 19.0 + i, "flags": "worse" if i > 1 else ""} for i in range(4)]
    reasons = choose_cases(rows, 1)
    assert reasons[3] == [DOUBTFUL]
    assert not any(LEAST_BAD in names for names in reasons.values())


def test_worst_of_images_that_all_gained_is_not_called_bad() -> None:
    rows = [{"psnr": 20.0, "psnr_restored": 21.0 + i} for i in range(4)]
    assert choose_cases(rows, 1)[0] == [LEAST_GOOD]


def test_gain_in_every_image_is_called_help() -> None:
    kind, sentence = judge_restoration(_run([2.0, 2.5, 3.0, 1.5] * 3, "psnr", 20.0))
    assert kind == "helped"
    assert "rose by 2.25" in sentence
    assert "every image became better" in sentence


def test_what_the_interval_leaves_open_is_said_to_be() -> None:
    kind, sentence = judge_restoration(_run([2.0, -2.0, 1.0, -1.0] * 3))
    assert kind == "open"
    assert sentence.startswith("Whether restoration helped cannot be told: NIQE")
    assert "no clear change" in render_html(_run([2.0, -2.0, 1.0, -1.0] * 3), "")


@pytest.mark.parametrize(("images", "patients"), [(3, 0), (40, 4)])
def test_few_images_or_patients_are_told_and_show_no_numbers(images: int, patients: int) -> None:
    run = _run([3.0] * images, "psnr", 20.0, patients)
    kind, sentence = judge_restoration(run)
    assert kind == "open"
    assert "are too few, at least 10 are needed" in sentence
    tiles = render_html(run, "").partition('class="tiles"')[2].partition("notice")[0]
    assert "20.0" not in tiles
    assert f"too few, n={images}" in tiles


def test_images_of_one_patient_count_as_one() -> None:
    change = find_change(_run([1.0, 3.0] * 12, "psnr", 20.0, patients=12), "psnr")
    assert change is not None
    assert (change.images, change.patients, change.mean, change.better) == (24, 12, 2.0, 24)


def test_tiles_say_number_and_direction() -> None:
    page = render_html(_run([2.0, 2.5, 3.0] * 4, "psnr", 20.0), "")
    tile = page.partition("PSNR (dB), poor images")[2].partition("</div>")[0]
    assert "20.0 → 22.5" in tile
    assert "▲ +2.5, better" in tile
    assert "n=12" in tile
    assert "higher is better" in tile
    assert "too few, n=3" in page  # of the specificity


def test_labels_of_small_numbers_fit_beside_the_axis() -> None:
    drawing = draw_panel("Learning rate", [("a", [(1, 0.0), (100, 0.0002)])])
    for x, label in re.findall(r'<text x="([^"]*)" y="[^"]*" text-anchor="end">([^<]*)', drawing):
        assert "epoch" in label or float(x) - 7 * len(label) >= 0
    assert ">2e-4</text>" in drawing

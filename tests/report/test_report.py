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

import pytest
from example_run import CLASSES, write_example_run

from monai_r2c.apps.cli import cli
from monai_r2c.handlers.tables import NOTICE, format_score
from monai_r2c.handlers.tables.cases import BEST, CHANGED, WORST, WRONG, choose_cases, restoration_gains
from monai_r2c.metrics import Score
from monai_r2c.report import read_run, write_report
from monai_r2c.report.curves import draw_panel, nice_ticks
from monai_r2c.report.markdown import _plain
from monai_r2c.utils import InputError


def test_page_is_one_file_with_everything_inside(example_run: Path) -> None:
    cli(["report", str(example_run)], standalone_mode=False)
    page = (example_run / "report.html").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']""", page)
    assert "url(" not in page.split("<script>")[0]
    assert "@import" not in page
    assert page.count("data:image/png;base64,") == len(list((example_run / "cases").glob("*.png"))) + len(
        json.loads((example_run / "cases" / "cases.json").read_text())["cases"]
    )
    assert "<title>example &lt;run&gt;</title>" in page


def test_both_reports_hold_scores_with_intervals_reasons_counts_settings_and_the_notice(example_run: Path) -> None:
    for path in write_report(example_run):
        text = path.read_text()
        for wanted in (
            "0.800 [0.500, 0.950]",
            "F1 (poor, restored): no image is covid",
            "0 to 1, higher is better",
            "0 and up, lower is better",
            "learning_rate",
            "0.0002",
            "after 3 epochs",
            "label and source are the same thing (Cramer's V 1.00".replace(
                "'", "&#x27;" if path.suffix == ".html" else "'"
            ),
        ):
            assert wanted in text, (path.name, wanted)
        assert " ".join(NOTICE.split()) in " ".join(text.split())
    assert "| training, poor | 6 | 6 | 12 |" in text
    assert "| covid | 0 | 3 |" in text  # before: everything was called covid
    assert "| covid | 3 | 0 |" in text  # after: nothing was


def test_warning_stays_away_without_confounding(tmp_path: Path, capsys) -> None:
    write_report(write_example_run(tmp_path / "run", source=False))
    assert "onfounded" not in (tmp_path / "run" / "report.html").read_text()
    assert "warning:" not in capsys.readouterr().out


def test_report_of_a_run_without_evaluation_has_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,generator_loss\n1,2.0\n2,1.0\n")
    write_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "Totals of the losses" in page
    assert 'id="scores"' not in page


def test_folder_that_is_no_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of metrics\.csv"):
        read_run(tmp_path)
    with pytest.raises(InputError, match="there is no such folder"):
        read_run(tmp_path / "missing")


def test_cases_are_the_best_the_worst_the_most_changed_and_the_wrong() -> None:
    rows = [
        {"niqe": 5.0, "niqe_restored": after, "structural_change": change, "label": "a", "class": c, "probability": p}
        for after, change, c, p in [
            (3.0, 0.1, "a", 0.9),
            (5.0, 0.2, "b", 0.6),
            (5.5, 0.9, "a", 0.9),
            (6.0, 0.3, "b", 0.8),
        ]
    ]
    assert choose_cases(rows, count=1) == {0: [BEST], 3: [WORST, WRONG], 2: [CHANGED]}
    assert restoration_gains(rows) == {0: 2.0, 1: 0.0, 2: -0.5, 3: -1.0}


def test_references_rank_before_niqe_and_undefined_gains_are_left_out() -> None:
    rows = [{"psnr": 20.0, "psnr_restored": 25.0, "niqe": 1.0, "niqe_restored": 9.0}, {"psnr": float("nan")}]
    assert restoration_gains(rows) == {0: 5.0}
    assert choose_cases([{"label": "a", "class": "a", "probability": 1.0}]) == {}


def test_case_holds_every_pass_with_the_prediction_of_its_input(example_run: Path) -> None:
    content = read_run(example_run).cases
    assert content["classes"] == CLASSES
    for case in content["cases"]:
        assert set(case["images"]) == {"poor", "pass_1", "pass_2", "pass_3", "difference", "structure"}
        assert len(case["probabilities"]) == 4  # the image's own and those of three passes
        assert all(sum(p) == pytest.approx(1, abs=1e-5) for p in case["probabilities"])


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.5, 1]),
        (0.12, 0.88, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (7, 10, [7, 8, 9, 10]),
        (3, 3, [2.6, 2.8, 3, 3.2, 3.4]),
    ],
)
def test_ticks_are_round_and_hold_the_values(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


def test_curve_runs_from_corner_to_corner() -> None:
    drawing = draw_panel("loss", [("a", [(1, 0.0), (2, float("nan")), (3, 1.0)])])
    assert 'points="52.0,210.0 408.0,10.0"' in drawing
    assert 'aria-label="loss over epochs"' in drawing


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (Score(0.9137, 0.86, 0.955), "0.914 [0.860, 0.955]"),
        (Score(128.44, 78.9, 169.3), "128.4 [78.9, 169.3]"),
        (Score(float("nan"), reason="x"), "undefined"),
        (Score(33.81), "33.8"),
        (None, ""),
    ],
)
def test_scores_are_written_with_their_interval(score: Score | None, text: str) -> None:
    assert format_score(score) == text


BROKEN = {
    "metrics.csv": [
        (b"epoch,loss\n1,abc\n", "loss is 'abc'; it must be a number"),
        (b"a,b\n1,2\n", "there is no column epoch"),
        (b"epoch\n1,2\n", "the row has more than the header's 1 values"),
        (b"\xff\xfe\x00epoch", "not a CSV file in UTF-8"),
    ],
    "evaluation.csv": [
        (b"a,b\n1,2\n", "there is no column domain"),
        (b"domain,metric,value\npoor,f1,x\n", "value is 'x'; it must be a number"),
    ],
    "cases/cases.json": [
        (b"[1]", "must hold a JSON object"),
        (b"\xff", "not a JSON file"),
        (b'{"cases": []}', "gain must be a text"),
        (b'{"gain": "PSNR", "classes": ["a"], "cases": [{"file": 1}]}', "cases[0].file must be a text"),
        (
            b'{"gain": "PSNR", "classes": ["a"], "cases": [{"file": "x", "reasons": [], "probabilities": [[1]], '
            b'"images": {"poor": "../x.png"}}]}',
            "cases[0].images.poor must be the name of a file",
        ),
    ],
    "configuration.json": [(b'{"settings": [1]}', "settings must be an object")],
}


@pytest.mark.parametrize(
    ("name", "content", "message"), [(name, *case) for name, cases in BROKEN.items() for case in cases]
)
def test_broken_files_of_a_run_are_named_in_one_line(tmp_path, name, content, message):
    (tmp_path / "cases").mkdir()
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,0.5\n")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=re.escape(message)) as refused:
        write_report(tmp_path)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_names_are_text_in_markdown_and_no_markup():
    assert _plain("a|b<img src=x>`c`*d*[e](f) g_h _i_ &lt;\nj") == (
        r"a\|b\<img src=x\>\`c\`\*d\*[e\](f) g_h \_i\_ \&lt; j"
    )

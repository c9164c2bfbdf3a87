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

import io
import logging
import re
import signal
import sys
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from rich.console import Console

from monai_r2c.data import Datalist, DatalistItem
from monai_r2c.handlers import EpochLog, Preemption, RunView
from monai_r2c.handlers.terminal import describe_run, describe_seconds, next_commands
from monai_r2c.networks import NativeGenerator, WrappedGenerator

SETTINGS = {"variant": "operational", "order": 3, "image_size": 64, "channels": 1, "max_epochs": 2, "batch_size": 1}


def _images() -> Datalist:
    entries = [
        DatalistItem("training", domain, f"{domain}{n}.png", n % 2, "x")
        for domain in ("poor", "good")
        for n in range(3)
    ]
    return Datalist(("well", "ill"), tuple(entries))


def _engine() -> Engine:
    return Engine(lambda _engine, batch: {"generator_loss": 2.0, "cycle_poor": 0.25, "cycle_good": 0.75})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25 s"), (45.4, "45 s"), (200, "3 min 20 s"), (3600, "1 h"), (18720, "5 h 12 min"), (273600, "3 d 4 h")],
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert describe_seconds(seconds) == text


def test_summary_counts_images_by_domain_and_class() -> None:
    lines = dict(describe_run(_images(), SETTINGS, torch.nn.Linear(999, 1000), "out", 3))
    assert lines["images"] == "training 3 poor (well 2, ill 1) and 3 good (well 2, ill 1)"
    assert lines["network"] == "Linear, operational, order 3, 1.00 million parameters"
    assert lines["run"] == "2 epochs of 3 steps, batches of 1; writes to out"


def test_summary_names_the_architecture_of_wrapped_and_native_networks() -> None:
    unet = WrappedGenerator("UNet", {"channels": (4, 8), "strides": (2,)})
    native = NativeGenerator(unet.get_settings(), working_size=32, local_features=4)
    for network, name in ((unet, "WrappedGenerator, UNet, "), (native, "NativeGenerator, UNet, ")):
        assert dict(describe_run(None, SETTINGS, network, "out", 3))["network"].startswith(name)


def test_without_a_terminal_a_run_tells_plain_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "monai_r2c.training")
    trainer, drawn = _engine(), io.StringIO()
    (tmp_path / "model.pt").touch()
    RunView(str(tmp_path), _images(), SETTINGS, console=Console(file=drawn)).attach(trainer)
    EpochLog(tmp_path / "metrics.csv").attach(trainer)
    trainer.run([0] * 5, max_epochs=2)
    assert drawn.getvalue() == ""
    text = caplog.text
    assert "images: training 3 poor" in text
    assert "a step, about" in text
    assert "epoch 1/2 (" in text
    assert "left): generator_loss 2" in text
    assert "cycle" not in text
    assert f"model: {tmp_path / 'model.pt'}" in text
    assert text.index("the run is complete") > text.index("epoch 2/2")


def test_on_a_terminal_a_run_shows_bars_and_losses_by_group(tmp_path: Path) -> None:
    trainer, drawn = _engine(), io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120)
    RunView(str(tmp_path), settings=SETTINGS, console=console).attach(trainer)
    stream = sys.stdout
    trainer.run([0] * 4, max_epochs=2)
    shown = drawn.getvalue()
    assert "epoch 2 of 2" in shown
    assert "8/8" in shown
    assert "cycle" in shown
    assert sys.stdout is stream


def test_bar_of_a_continued_run_begins_where_it_ended(tmp_path: Path) -> None:
    trainer, drawn = _engine(), io.StringIO()
    RunView(str(tmp_path), console=Console(file=drawn, force_terminal=True, width=120)).attach(trainer)

    @trainer.on(Events.STARTED)  # as a checkpoint does, after the view
    def load() -> None:
        trainer.state.epoch, trainer.state.iteration = 1, 4

    trainer.run([0] * 4, max_epochs=2)
    assert "8/8" in drawn.getvalue()


def test_view_leaves_room_for_what_a_terminal_writes_at_ctrl_c_and_breaks_no_loss(tmp_path: Path) -> None:
    losses = {f"{group}_x": 12.3 for group in ("generator", "discriminator", "adversarial", "identity", "synthetic")}
    trainer, drawn = Engine(lambda _engine, batch: losses), io.StringIO()
    folder = tmp_path / ("long" * 20)  # longer than the line
    RunView(str(folder), console=Console(file=drawn, force_terminal=True, width=70)).attach(trainer)
    trainer.run([0] * 4, max_epochs=1)
    lines = re.sub(r"\x1b\[[0-9;?]*\w", "", drawn.getvalue()).splitlines()
    assert max(len(line.strip()) for line in lines if line.startswith(("╭", "╰"))) == 67
    for name in losses:
        assert any(f"{name[:-2]} 12.3" in line for line in lines), name


def test_next_command_is_the_one_that_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = "python -m monai.bundle run training --config_file b/train.yaml --resume auto --output_dir r"
    monkeypatch.setattr(sys, "orig_argv", given.split())
    (tmp_path / "checkpoints").mkdir()
    assert next_commands(tmp_path, False) == [given.replace(" --resume auto", "") + " --resume True"]
    evaluate = next_commands(tmp_path, True)[0]
    assert "--config_file \"['b/train.yaml','b/evaluate.yaml']\"" in evaluate
    monkeypatch.setattr(sys, "orig_argv", ["python", "mine.py"])
    assert next_commands(tmp_path, True) == []


def test_second_interruption_does_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    preemption = Preemption(None, ["SIGINT"])  # type: ignore[arg-type]
    preemption._receive(signal.SIGINT, None)
    assert "again ends at once" in capsys.readouterr().out
    with pytest.raises(KeyboardInterrupt):
        preemption._receive(signal.SIGINT, None)

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

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from long_run import STEPS, checkpoint, differences, images, in_process, make_run, names, run

from monai_r2c.engines import R2CTrainer
from monai_r2c.utils import NonFiniteLossError, RunError


def with_nan(items: list[dict], index: int) -> list[dict]:
    items[index]["image"] = items[index]["image"] * float("nan")
    return items


def error_of(function: Callable[[], object], folder: Path) -> str:
    """The one line of the RunError that ends a function in a process of its own."""

    def write() -> None:
        try:
            function()
        except RunError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            (folder / "error").write_text(str(error))

    assert in_process(write) == 0
    return (folder / "error").read_text()


def test_nan_ends_the_run_with_term_files_and_the_state_before_it(tmp_path: Path) -> None:
    trainer = make_run(tmp_path, poor=with_nan(images(6), 2))
    with pytest.raises(NonFiniteLossError) as found:
        trainer.run()
    message, iteration = str(found.value), trainer.state.iteration
    assert message.startswith(f"epoch 1, iteration {iteration}: ")
    assert "cycle_poor = nan" in message
    assert "2.png" in message
    failed = f"failed_epoch_0001_iteration_{iteration}.pt"
    assert message.endswith(f"The state before this update is in {tmp_path / 'checkpoints' / failed}.")
    assert names(tmp_path) == [failed]
    state = checkpoint(tmp_path, failed)
    assert all(torch.isfinite(value).all() for value in state["restorer"].values())
    assert {int(s["step"]) for s in state["generator_optimizer"]["state"].values()} <= {iteration - 1}


def test_saved_state_of_a_failure_is_not_resumed_from(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=1)
    with pytest.raises(NonFiniteLossError):
        run(tmp_path, resume=True, poor=with_nan(images(6), 2))
    trainer = run(tmp_path, resume=True, max_epochs=2)
    assert trainer.state.iteration == 2 * STEPS


def test_skip_leaves_only_the_steps_with_nan_out_and_counts_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "monai_r2c.training"):
        trainer = run(tmp_path, poor=with_nan(images(6), 2), trainer={"on_nan": "skip"}, max_epochs=2)
    assert trainer.skipped_steps == 2  # the image comes once an epoch
    assert caplog.text.count("This step is left out") == 2
    assert {int(s["step"]) for s in trainer.generator_optimizer.state.values()} == {2 * STEPS - 2}
    assert all(torch.isfinite(p).all() for p in trainer.restorer.parameters())
    assert trainer.poor_pool.state_dict()["images"].isfinite().all()
    header, first = (tmp_path / "metrics.csv").read_text().splitlines()[:2]
    row = dict(zip(header.split(","), first.split(",")))
    assert float(row["skipped"]) == pytest.approx(1 / STEPS)
    assert float(row["generator_loss"]) > 0


def test_gradient_that_is_not_finite_stops_before_the_weights_move(tmp_path: Path) -> None:
    trainer = make_run(tmp_path)
    trainer.restorer.head.linear.weight.register_hook(lambda gradient: gradient * float("inf"))
    before = {name: value.clone() for name, value in trainer.restorer.state_dict().items()}
    with pytest.raises(NonFiniteLossError, match=r"iteration 1: generator_gradient = (inf|nan);"):
        trainer.run()
    assert differences(before, trainer.restorer.state_dict()) == []


def test_full_disk_ends_with_one_line_and_the_newest_checkpoint_is_usable(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=1)
    size = (tmp_path / "checkpoints" / "epoch_0001.pt").stat().st_size

    def train() -> None:
        trainer = make_run(tmp_path, resume=True)
        trainer.add_event_handler(
            Events.EPOCH_STARTED, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, resource.RLIM_INFINITY))
        )
        trainer.run()

    line = error_of(train, tmp_path)
    assert line.startswith(f"epoch 2, iteration {2 * STEPS}: ")
    assert "cannot be written, a file would become larger than allowed; continue from" in line
    assert "\n" not in line
    assert names(tmp_path) == ["epoch_0001.pt"]
    assert run(tmp_path, resume=True, max_epochs=2).state.epoch == 2


def test_killed_worker_ends_with_one_line_and_the_newest_checkpoint_is_usable(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=1)

    def kill_worker(trainer: R2CTrainer) -> None:
        os.kill(trainer._dataloader_iter._workers[0].pid, signal.SIGKILL)

    def train() -> None:
        trainer = make_run(tmp_path, resume=True, num_workers=2)
        trainer.add_event_handler(Events.ITERATION_COMPLETED(once=STEPS + 1), kill_worker)
        trainer.run()

    line = error_of(train, tmp_path)
    assert "a worker of the data loader was killed" in line
    assert "epoch_0001.pt with --resume True" in line
    assert run(tmp_path, resume=True, max_epochs=2).state.epoch == 2


def test_sigterm_prints_where_the_state_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = make_run(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    trainer.add_event_handler(Events.ITERATION_STARTED(once=2), lambda: os.kill(os.getpid(), signal.SIGTERM))
    with caplog.at_level(logging.WARNING, "monai_r2c.training"), pytest.raises(SystemExit) as found:
        trainer.run()
    assert found.value.code == 143
    saved = tmp_path / "checkpoints" / "epoch_0001_iteration_2.pt"
    assert f"SIGTERM received: epoch 1, iteration 2 is saved in {saved}; continue with --resume True" in caplog.text
    assert saved.is_file()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.slow
def test_thirty_kills_at_random_moments_cost_no_finished_epoch(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "kill_and_resume.py"
    command = [sys.executable, str(script), "--kills", "30", "--seconds", "25", "--output-dir", str(tmp_path)]
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "lost epochs: 0" in result.stdout
    assert time.monotonic() - start < 200

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
import logging
import os
import signal
from pathlib import Path

import pytest
import torch
from ignite.engine import Events
from long_run import (
    CONFIGURATION,
    STEPS,
    checkpoint,
    differences,
    in_process,
    make_run,
    names,
    run,
    run_killed,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_r2c.handlers.checkpoint_folder import CheckpointFolder
from monai_r2c.utils import InputError

LAST = "epoch_0004.pt"


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four epochs without interruption."""
    output_dir = tmp_path_factory.mktemp("straight")
    run(output_dir)
    return output_dir


@pytest.mark.parametrize("num_workers", [0, 2])
def test_run_that_is_killed_and_resumed_ends_as_one_that_is_not(
    straight: Path, tmp_path: Path, num_workers: int
) -> None:
    # in the second step of epoch 3
    assert run_killed(tmp_path, 2 * STEPS + 2, num_workers=num_workers) == -signal.SIGKILL
    assert names(tmp_path) == ["epoch_0001.pt", "epoch_0002.pt"]
    run(tmp_path, num_workers=num_workers, resume=True)
    assert differences(checkpoint(straight, LAST), checkpoint(tmp_path, LAST)) == []


def test_checkpoint_holds_everything_that_a_run_changes(straight: Path) -> None:
    contents = checkpoint(straight, LAST)
    assert {"restorer", "degrader", "poor_discriminator", "good_discriminator", "ema", "best_model"} <= contents.keys()
    for optimizer in ("generator_optimizer", "discriminator_optimizer"):
        assert all(state["step"] == 4 * STEPS for state in contents[optimizer]["state"].values())
    assert [len(contents["processes"][0][pool]["images"]) for pool in ("poor_pool", "good_pool")] == [3, 3]
    assert (contents["epoch"], contents["iteration"]) == (4, 4 * STEPS)
    changed = {where.split("/")[1] for where in differences(contents, checkpoint(straight, "epoch_0003.pt"))}
    unchanged = {"configuration", "epoch_length", "format", "generator_scaler", "discriminator_scaler"}
    assert changed == contents.keys() - unchanged


def test_another_seed_gives_other_weights(straight: Path, tmp_path: Path) -> None:
    run(tmp_path, seed=4)
    assert "/restorer/head.linear.weight" in differences(checkpoint(straight, LAST), checkpoint(tmp_path, LAST))


def test_state_saved_at_sigterm_within_an_epoch_continues_bit_for_bit(straight: Path, tmp_path: Path) -> None:
    assert run_killed(tmp_path, 2 * STEPS + 2, signal.SIGTERM) == 128 + signal.SIGTERM
    assert names(tmp_path)[-1] == f"epoch_0003_iteration_{2 * STEPS + 2}.pt"
    run(tmp_path, resume=True)
    assert differences(checkpoint(straight, LAST), checkpoint(tmp_path, LAST)) == []
    assert (tmp_path / "metrics.csv").read_text() == (straight / "metrics.csv").read_text()


def test_sigterm_in_the_last_step_of_an_epoch_ends_with_that_epoch(straight: Path, tmp_path: Path) -> None:
    assert run_killed(tmp_path, 2 * STEPS, signal.SIGTERM) == 128 + signal.SIGTERM
    assert names(tmp_path)[-1] == "epoch_0002.pt"
    run(tmp_path, resume="auto")
    assert differences(checkpoint(straight, LAST), checkpoint(tmp_path, LAST)) == []


def test_metrics_and_tensorboard_hold_each_step_once_after_a_resume(straight: Path, tmp_path: Path) -> None:
    run_killed(tmp_path, 3 * STEPS, max_epochs=4)  # two steps after the newest checkpoint
    run(tmp_path, resume=True)
    with (tmp_path / "metrics.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]
    events = {path: EventAccumulator(str(path / "tensorboard")).Reload() for path in (straight, tmp_path)}
    losses = {path: [(e.step, e.value) for e in found.Scalars("generator/loss")] for path, found in events.items()}
    assert [step for step, _ in losses[tmp_path]] == list(range(1, 4 * STEPS + 1))
    assert losses[tmp_path] == losses[straight]


@pytest.mark.parametrize("length", [0, 1, 0.3, 0.99])
def test_truncated_newest_checkpoint_is_named_and_the_one_before_is_used(
    straight: Path, tmp_path: Path, length: float, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, max_epochs=2)
    newest = tmp_path / "checkpoints" / "epoch_0002.pt"
    os.truncate(newest, int(length if length == 1 else length * newest.stat().st_size))
    trainer = make_run(tmp_path, resume=True, max_epochs=1)
    with caplog.at_level(logging.INFO, "monai_r2c.training"):
        trainer.run()
    assert f"{newest}: cannot be read" in caplog.text
    assert "resumed from" in caplog.text
    assert trainer.state.epoch == 1


def test_unreadable_checkpoint_is_set_aside_so_that_it_pushes_no_good_one_out(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=3)
    os.truncate(tmp_path / "checkpoints" / "epoch_0003.pt", 100)
    assert run_killed(tmp_path, 2 * STEPS + 1, signal.SIGTERM, resume=True) == 128 + signal.SIGTERM
    assert names(tmp_path) == ["epoch_0002.pt", "epoch_0003.pt.unreadable", f"epoch_0003_iteration_{2 * STEPS + 1}.pt"]


@pytest.mark.parametrize(
    ("key", "value"), [("variant", "convolutional"), ("order", 3), ("channels", 3), ("classes", ["a", "b"])]
)
def test_checkpoint_of_another_configuration_is_refused(straight: Path, key: str, value: object) -> None:
    with pytest.raises(InputError, match=f"epoch_0004.pt: {key} is .* there and .* here"):
        run(straight, resume=True, configuration=CONFIGURATION | {key: value})


def test_run_that_does_not_resume_leaves_an_earlier_one_alone(straight: Path) -> None:
    with pytest.raises(InputError, match="holds checkpoints of an earlier run; give --resume True"):
        run(straight)


def test_resume_without_a_checkpoint_is_refused_and_auto_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no readable checkpoint"):
        run(tmp_path, resume=True)
    run(tmp_path, resume="auto", max_epochs=1)
    assert names(tmp_path) == ["epoch_0001.pt"]


def test_finished_run_resumes_to_nothing_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=1)
    assert run(tmp_path, max_epochs=1, resume=True).state.iteration == STEPS
    assert run(tmp_path, max_epochs=2, resume=True).state.iteration == 2 * STEPS


def test_another_batch_size_goes_on_at_the_same_epoch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, max_epochs=1)
    with caplog.at_level(logging.WARNING, "monai_r2c.training"):
        trainer = run(tmp_path, max_epochs=2, resume=True, batch_size=3)
    assert "its epochs had 3 steps" in caplog.text
    assert (trainer.state.epoch, trainer.state.iteration) == (2, 4)


def test_the_newest_and_the_best_checkpoint_stay(tmp_path: Path) -> None:
    trainer = make_run(tmp_path, keep=2)
    saver = next(h for h in trainer._event_handlers[Events.EPOCH_COMPLETED] if "RunCheckpoint" in str(h[0]))[0].__self__
    saver.best = type("Best", (), {"epoch": 1})()
    trainer.run()
    assert names(tmp_path) == ["epoch_0001.pt", "epoch_0003.pt", "epoch_0004.pt"]


def test_what_a_killed_write_leaves_is_cleaned_and_no_checkpoint_is_lost(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=2)

    replace = os.replace

    def die_before_renaming() -> None:
        os.replace = lambda old, new: die() if new.name == "epoch_0003.pt" else replace(old, new)
        run(tmp_path, max_epochs=3, resume=True)

    def die_before_pruning() -> None:
        CheckpointFolder.prune = lambda *_: die()
        run(tmp_path, max_epochs=3, resume=True)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    for train, left in ((die_before_renaming, ".partial-epoch_0003.pt"), (die_before_pruning, "epoch_0003.pt")):
        assert in_process(train) == -signal.SIGKILL
        assert {"epoch_0001.pt", "epoch_0002.pt", left} <= set(names(tmp_path)), left
    run(tmp_path, max_epochs=4, resume=True)
    assert names(tmp_path) == ["epoch_0003.pt", "epoch_0004.pt"]


def test_checkpoint_of_other_networks_is_refused_in_one_line(tmp_path: Path) -> None:
    run(tmp_path, max_epochs=1)
    path = tmp_path / "checkpoints" / "epoch_0001.pt"
    contents = checkpoint(tmp_path, path.name)
    contents["degrader"]["head.linear.weight"] = torch.zeros(7, 4)
    torch.save(contents, path)
    with pytest.raises(
        InputError, match=r"epoch_0001.pt: degrader does not fit this run \(.*size mismatch.*\)"
    ) as found:
        run(tmp_path, resume=True)
    assert "\n" not in str(found.value)

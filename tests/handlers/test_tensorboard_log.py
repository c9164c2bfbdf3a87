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

import time
from pathlib import Path

import pytest
from ignite.engine import Engine, Events
from ignite.handlers.tensorboard_logger import TensorboardLogger
from monai.handlers import TensorBoardStatsHandler
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_r2c.handlers import TensorBoardLog
from monai_r2c.handlers.event_files import remove_later_steps


def test_event_file_of_a_run_resumed_within_the_second_comes_last(tmp_path: Path) -> None:
    # named as if a process that sorts after any other had begun in this and in the next second
    earlier = [tmp_path / f"events.out.tfevents.{int(time.time()) + i}.~.1.0.monai_r2c" for i in (0, 1)]
    for path in earlier:
        path.touch()
    engine = Engine(lambda engine, batch: {})
    TensorBoardLog(tmp_path).attach(engine)
    while time.time() < int(earlier[1].name.split(".")[3]):
        time.sleep(0.05)
    engine.fire_event(Events.EPOCH_STARTED)
    (found,) = set(tmp_path.iterdir()) - set(earlier)
    assert sorted(tmp_path.iterdir())[-1] == found


def _steps(folder: Path) -> dict[str, list[int]]:
    log = EventAccumulator(str(folder)).Reload()
    return {tag: [event.step for event in log.Scalars(tag)] for tag in log.Tags()["scalars"]}


def _train(folder: Path, epochs: int, done: int = 0) -> None:
    """Epochs of three steps, logged by ignite and MONAI before, and by us; the first `done` are those of before."""
    trainer = Engine(lambda _engine, batch: [{"loss": batch}])
    logger = TensorboardLogger(str(folder))
    logger.attach_output_handler(trainer, Events.ITERATION_COMPLETED, "ignite", output_transform=lambda o: o[0])
    TensorBoardStatsHandler(log_dir=str(folder), tag_name="monai").attach(trainer)

    @trainer.on(Events.STARTED)
    def resume(engine: Engine) -> None:
        engine.state.epoch, engine.state.iteration = done, 3 * done

    log = TensorBoardLog(folder, interval=1)
    log.attach(trainer)
    trainer.run([1.0, 2.0, 3.0], max_epochs=epochs)
    logger.close()


def test_scalars_of_other_writers_in_the_folder_stay(tmp_path: Path) -> None:
    _train(tmp_path, 2)
    steps = list(range(1, 7))
    assert _steps(tmp_path) == {"ignite/loss": steps, "loss": steps, "training/loss": steps}


def test_steps_done_again_are_there_once_and_those_of_other_writers_are_theirs(tmp_path: Path) -> None:
    _train(tmp_path, 3)
    _train(tmp_path, 4, done=1)
    found = _steps(tmp_path)
    assert found["training/loss"] == list(range(1, 13))
    # they say every step that they saw, in both runs
    assert sorted(found["ignite/loss"]) == sorted([*range(1, 10), *range(4, 13)])


@pytest.mark.parametrize(("cut", "end"), [(0, b""), (1, b""), (11, b""), (0, bytes(64)), (7, b"\xff" * 64)])
def test_file_that_a_killed_process_left_is_read_up_to_its_last_whole_record(
    tmp_path: Path, cut: int, end: bytes
) -> None:
    _train(tmp_path, 2)
    (path,) = tmp_path.glob("*.monai_r2c")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut] + end)
    remove_later_steps(tmp_path, ".monai_r2c", 4)
    for other in set(tmp_path.iterdir()) - {path}:
        other.unlink()
    assert _steps(tmp_path) == {"training/loss": [1, 2, 3, 4]}


def test_file_without_later_steps_is_not_touched(tmp_path: Path) -> None:
    _train(tmp_path, 1)
    (path,) = tmp_path.glob("*.monai_r2c")
    before = path.stat()
    remove_later_steps(tmp_path, ".monai_r2c", 3)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

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
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events
from ignite.handlers import EarlyStopping
from monai.engines import SupervisedTrainer
from monai.handlers import StatsHandler

from monai_r2c.engines import NonFiniteLossError
from monai_r2c.handlers import (
    EpochLog,
    ImageTable,
    Preemption,
    QualityScores,
    RestorationSaver,
    RunCheckpoint,
    TensorBoardLog,
    TerminalProgress,
    Validation,
)
from monai_r2c.utils import InputError


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def _linear(output_dir: Path, epochs: int, resume: bool | str = False, data: Any = (1.0, 2.0, 3.0)) -> torch.nn.Linear:
    """Train a network with an engine of ignite and nothing but our handlers."""
    torch.manual_seed(0)
    network = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)

    def step(_engine: Engine, batch: float) -> float:
        optimizer.zero_grad()
        loss = (network(torch.tensor([batch])) - 1).square().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    trainer = Engine(step)
    checkpoint = RunCheckpoint(
        output_dir / "checkpoints", {}, extra={"network": network, "optimizer": optimizer}, resume=resume
    )
    log = EpochLog(output_dir / "metrics.csv")
    for handler in (TerminalProgress(), TensorBoardLog(output_dir), log, checkpoint, Preemption(checkpoint)):
        handler.attach(trainer)
    trainer.run(data, max_epochs=epochs)
    return network


def test_run_of_an_ignite_engine_resumes_bit_for_bit(tmp_path: Path) -> None:
    straight = _linear(tmp_path / "straight", 4)
    _linear(tmp_path / "two", 2)
    resumed = _linear(tmp_path / "two", 4, resume=True)
    assert torch.equal(straight.weight, resumed.weight)
    assert (tmp_path / "two/metrics.csv").read_text() == (tmp_path / "straight/metrics.csv").read_text()


def test_epochs_of_unknown_length_are_logged_and_saved(tmp_path: Path) -> None:
    _linear(tmp_path, 1, data=iter((1.0, 2.0)))
    assert [(row["epoch"], row["iteration"]) for row in _rows(tmp_path / "metrics.csv")] == [("1", "2")]
    assert torch.load(tmp_path / "checkpoints/epoch_0001.pt", weights_only=True)["iteration"] == 2


def test_signal_ends_an_ignite_engine_after_its_epoch(tmp_path: Path) -> None:
    trainer = Engine(lambda _engine, batch: batch)
    checkpoint = RunCheckpoint(tmp_path, {}, extra={"network": torch.nn.Linear(1, 1)})
    for handler in (checkpoint, Preemption(checkpoint, ["SIGUSR1"])):
        handler.attach(trainer)
    trainer.add_event_handler(Events.ITERATION_STARTED(once=1), lambda: os.kill(os.getpid(), signal.SIGUSR1))
    with pytest.raises(SystemExit) as ended:
        trainer.run([1.0, 2.0], max_epochs=5)
    assert ended.value.code == 128 + signal.SIGUSR1
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_0001.pt"]
    with pytest.raises(InputError, match="signals: SIGTREM: no such signal"):
        Preemption(checkpoint, ["SIGTREM"])


def test_engine_that_names_nothing_to_save_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^RunCheckpoint: this engine has no checkpoint_objects.*; give extra="):
        RunCheckpoint(tmp_path, {}).attach(Engine(lambda *_: None))


def test_last_epoch_of_a_run_that_stops_early_is_validated_and_saved(tmp_path: Path) -> None:
    trainer, seen = Engine(lambda *_: None), []

    class Evaluator(Engine):
        def run(self, epoch: int) -> None:
            seen.append(epoch)

    stopping = EarlyStopping(patience=2, score_function=lambda _: 0.0, trainer=trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, stopping)
    Validation([Evaluator(lambda *_: None)], interval=100).attach(trainer)
    RunCheckpoint(tmp_path, {}, extra={"network": torch.nn.Linear(1, 1)}, interval=100).attach(trainer)
    trainer.run([0], max_epochs=1000)
    # the first epoch sets the score, the second and third do not improve it
    assert seen == [3]
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_0003.pt"]


def test_failure_is_explained_whatever_handler_comes_first(tmp_path: Path) -> None:
    def step(_engine: Engine, _batch: Any) -> None:
        raise NonFiniteLossError("loss = nan.")

    trainer = Engine(step)
    StatsHandler(iteration_log=False, name="quiet").attach(trainer)
    RunCheckpoint(tmp_path, {}, extra={"network": torch.nn.Linear(1, 1)}).attach(trainer)
    with pytest.raises(NonFiniteLossError, match="failed_epoch_0001"):
        trainer.run([0])


def test_evaluator_of_ignite_is_logged_in_every_epoch_that_it_runs_in(tmp_path: Path) -> None:
    trainer, evaluator = Engine(lambda _engine, batch: {"a": batch}), Engine(lambda _engine, batch: batch)

    @evaluator.on(Events.COMPLETED)
    def score(engine: Engine) -> None:
        engine.state.metrics["score"] = engine.state.output

    @trainer.on(Events.EPOCH_COMPLETED(event_filter=lambda _engine, epoch: epoch != 2))
    def evaluate(engine: Engine) -> None:
        evaluator.run([float(engine.state.epoch)])

    EpochLog(tmp_path / "metrics.csv", {"validation": evaluator}).attach(trainer)
    trainer.run([1, 4], max_epochs=3)
    rows = _rows(tmp_path / "metrics.csv")
    assert [row["validation/score"] for row in rows] == ["1.0", "", "3.0"]
    assert [row["a"] for row in rows] == 3 * ["2.5"]


@pytest.mark.parametrize(
    ("output", "output_transform", "expected"),
    [
        (2, None, {"loss": "2.0"}),
        (torch.tensor(2.0), None, {"loss": "2.0"}),
        (None, None, {}),
        ({"a": 1, "image": torch.zeros(3)}, None, {"a": "1.0"}),
        ([{"loss": 2.0, "label": 1}, {"loss": 2.0, "label": 0}], None, {"loss": "2.0"}),
        (("prediction", 3.0), lambda output: output[1], {"loss": "3.0"}),
    ],
)
def test_numbers_are_found_in_every_usual_output(
    tmp_path: Path, output: Any, output_transform: Any, expected: dict
) -> None:
    trainer = Engine(lambda *_: output)
    EpochLog(tmp_path / "metrics.csv", output_transform=output_transform).attach(trainer)
    trainer.run([0])
    assert _rows(tmp_path / "metrics.csv") == [{"epoch": "1", "iteration": "1", **expected}]


def test_trainer_of_monai_is_logged(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    SupervisedTrainer(
        device="cpu",
        max_epochs=1,
        train_data_loader=[{"image": torch.zeros(3, 2), "label": torch.ones(3, 2)}],
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), 0.0),
        loss_function=lambda prediction, label: (label * 0.25).mean() + 0 * prediction.sum(),
        train_handlers=[EpochLog(tmp_path / "metrics.csv")],
    ).run()
    assert [float(row["loss"]) for row in _rows(tmp_path / "metrics.csv")] == [0.25]


@pytest.mark.parametrize("log", [EpochLog, TensorBoardLog])
def test_output_without_numbers_is_refused_with_what_would_help(tmp_path: Path, log: type) -> None:
    trainer = Engine(lambda *_: ("prediction", 1.0))
    log(tmp_path / "log", **({"interval": 1} if log is TensorBoardLog else {})).attach(trainer)
    with pytest.raises(InputError, match=rf"^{log.__name__}: needs a number.* is a tuple; give output_transform"):
        trainer.run([0])


def test_handlers_of_images_say_what_they_need(tmp_path: Path) -> None:
    for attach, message in (
        (ImageTable(["a"]).attach, "ImageTable: needs an output of one mapping for each image, with probabilities"),
        (RestorationSaver([], ["a"], tmp_path, tmp_path / "x.csv").attach, "RestorationSaver: needs .*, with file"),
        (lambda engine: QualityScores().attach(engine, "quality"), "QualityScores: the engine's output has no 'image'"),
    ):
        engine = Engine(lambda *_: [{"label": 1}])
        attach(engine)
        with pytest.raises(InputError, match=message) as caught:
            engine.run([0])
        assert "\n" not in str(caught.value)


def test_evaluator_without_data_is_refused() -> None:
    with pytest.raises(InputError, match="Validation: needs evaluators of MONAI"):
        Validation([Engine(lambda *_: None)])

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
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from long_run import images
from monai.data import DataLoader, Dataset
from monai.handlers import (
    CheckpointSaver,
    EarlyStopHandler,
    LrScheduleHandler,
    MLFlowHandler,
    StatsHandler,
    TensorBoardStatsHandler,
    ValidationHandler,
)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_r2c.data import UnpairedDataset
from monai_r2c.engines import R2CEvaluator, R2CTrainer
from monai_r2c.handlers import BestModel, ClassificationScores, EpochLog
from monai_r2c.networks import R2CDiscriminator, R2CGenerator, read_settings

SMALL = {"features": 2, "variant": "convolutional_light"}


def _trainer(*handlers: Any, epochs: int = 2) -> R2CTrainer:
    """Two steps an epoch of the narrowest networks on images of 16 pixels."""
    pairs = [[kind(2, **SMALL) for _ in range(2)] for kind in (R2CGenerator, R2CDiscriminator)]
    optimizers = [torch.optim.SGD([p for n in pair for p in n.parameters()], 0.1) for pair in pairs]
    dataset = UnpairedDataset(images(2, size=16), images(2, first=9, size=16))
    trainer = R2CTrainer(
        "cpu", epochs, DataLoader(dataset, batch_size=1), *pairs[0], *pairs[1], *optimizers, train_handlers=handlers
    )
    trainer.outputs = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda: trainer.outputs.append(trainer.state.output))
    return trainer


def _evaluator(trainer: R2CTrainer, *handlers: Any) -> R2CEvaluator:
    loader = DataLoader(Dataset(images(4, first=20, size=16)), batch_size=1)
    scores = {"classes": ClassificationScores(resamples=0)}
    return R2CEvaluator("cpu", loader, trainer.restorer, additional_metrics=scores, val_handlers=handlers)


def _stats(caplog: pytest.LogCaptureFixture, **arguments: Any) -> StatsHandler:
    """A handler whose lines are captured; the loggers that MONAI makes do not propagate."""
    handler = StatsHandler(name="stats", **arguments)
    handler.logger.handlers = [caplog.handler]
    return handler


def _losses(trainer: R2CTrainer, name: str = "generator_loss") -> list[float]:
    return [float(output[name]) for output in trainer.outputs]


def test_stats_handler_prints_every_number_of_a_step_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    trainer = _trainer(_stats(caplog), epochs=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="ignoring non-scalar output")
        trainer.run()
    lines = [record.getMessage() for record in caplog.records if record.name == "stats"]
    assert len(lines) == 2
    assert lines[1].startswith("Epoch: 1/1, Iter: 2/2 -- ")
    assert f"generator_loss: {_losses(trainer)[1]:.4f} " in lines[1]
    assert "cycle_poor: " in lines[1]
    assert "restored: " not in lines[1].replace("adversarial_restored: ", "").replace("class_restored: ", "")


def test_tensorboard_stats_handler_writes_every_number(tmp_path: Path) -> None:
    trainer = _trainer(TensorBoardStatsHandler(log_dir=str(tmp_path)))
    trainer.run()
    log = EventAccumulator(str(tmp_path)).Reload()
    found = [event.value for event in log.Scalars("discriminator_loss")]
    assert found == pytest.approx(_losses(trainer, "discriminator_loss"))
    assert "restored" not in log.Tags()["scalars"]


def test_output_of_a_step_is_still_read_by_name() -> None:
    trainer = _trainer(epochs=1)
    trainer.run()
    output = trainer.state.output
    assert output[0]["generator_loss"] == pytest.approx(output["generator_loss"].item())
    assert "restored" in output
    assert all(isinstance(value, float) for value in output[0].values())
    with pytest.raises(KeyError, match="no_such_loss"):
        output["no_such_loss"]


def test_checkpoint_saver_saves_what_the_networks_are(tmp_path: Path) -> None:
    trainer = _trainer()
    objects = {"restorer": trainer.restorer, "optimizer": trainer.generator_optimizer}
    CheckpointSaver(str(tmp_path), objects, save_final=True, save_interval=1).attach(trainer)
    trainer.run()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint_epoch=1.pt",
        "checkpoint_epoch=2.pt",
        "checkpoint_final_iteration=4.pt",
    ]
    final = torch.load(tmp_path / "checkpoint_final_iteration=4.pt", weights_only=True)["restorer"]
    assert all(torch.equal(final[name], value) for name, value in trainer.restorer.state_dict().items())


@pytest.mark.parametrize("epoch_level", [True, False])
def test_learning_rate_schedule_is_followed(epoch_level: bool) -> None:
    trainer = _trainer()
    schedule = torch.optim.lr_scheduler.ExponentialLR(trainer.generator_optimizer, 0.5)
    LrScheduleHandler(schedule, print_lr=False, epoch_level=epoch_level).attach(trainer)
    trainer.run()
    expected = [0.1, 0.1, 0.05, 0.05] if epoch_level else [0.1, 0.05, 0.025, 0.0125]
    assert _losses(trainer, "generator_learning_rate") == pytest.approx(expected)
    assert _losses(trainer, "discriminator_learning_rate") == pytest.approx(4 * [0.1])


def test_validation_handler_runs_the_evaluator_and_our_handlers_see_it(tmp_path: Path) -> None:
    trainer = _trainer(epochs=3)
    evaluator = _evaluator(trainer)
    for handler in (
        ValidationHandler(2, evaluator),
        EpochLog(tmp_path / "metrics.csv", {"validation": evaluator}),
        BestModel(tmp_path / "model.pt", trainer.restorer, ["a", "b"], 16, evaluator, "accuracy"),
    ):
        handler.attach(trainer)
    trainer.run()
    with (tmp_path / "metrics.csv").open() as file:
        scores = [row["validation/accuracy"] for row in csv.DictReader(file)]
    assert [bool(score) for score in scores] == [False, True, False]
    assert float(scores[1]) == evaluator.state.metrics["accuracy"]
    assert read_settings(tmp_path / "model.pt").classes == ("a", "b")


def test_early_stop_handler_on_the_evaluator_ends_the_training() -> None:
    trainer = _trainer(epochs=50)
    stop = EarlyStopHandler(patience=1, score_function=lambda _: 0.0, trainer=trainer)
    ValidationHandler(1, _evaluator(trainer, stop)).attach(trainer)
    trainer.run()
    # the first epoch sets the score, the second does not improve it
    assert trainer.state.epoch == 2


@pytest.mark.slow
def test_mlflow_handler_logs_every_number_of_a_step(tmp_path: Path) -> None:
    reason = "MLFlowHandler needs mlflow with its database, which is a large package"
    mlflow = pytest.importorskip("mlflow", reason=reason)
    pytest.importorskip("sqlalchemy", reason=reason)
    address = f"sqlite:///{tmp_path}/mlruns.db"
    trainer = _trainer(MLFlowHandler(address, run_name="run"), epochs=1)
    trainer.run()
    client = mlflow.MlflowClient(address)
    (run,) = client.search_runs([client.get_experiment_by_name("monai_experiment").experiment_id])
    history = client.get_metric_history(run.info.run_id, "generator_loss")
    assert [(entry.step, entry.value) for entry in history] == list(enumerate(_losses(trainer), 1))
    assert run.data.params["max_epochs"] == "1"


def test_evaluator_is_logged_by_stats_handler(caplog: pytest.LogCaptureFixture) -> None:
    evaluator = _evaluator(_trainer(), _stats(caplog, iteration_log=False))
    evaluator.run(7)
    assert any(record.getMessage().startswith("Epoch[7] Metrics -- accuracy: ") for record in caplog.records)

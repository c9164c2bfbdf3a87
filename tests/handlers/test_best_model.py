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

import math
from pathlib import Path

import pytest
from ignite.engine import Engine, Events

from monai_r2c.handlers import BestModel
from monai_r2c.networks import R2CGenerator, read_settings
from monai_r2c.utils import InputError


def _run(
    tmp_path: Path, values: list[float | None], key_metric: str = "f1", start: BestModel | None = None
) -> list[int]:
    """Run one epoch a value (None: no validation in it) and return the epochs that were saved."""
    path, saved = tmp_path / "model.pt", []
    trainer, evaluator = Engine(lambda *_: None), Engine(lambda *_: None)
    handler = BestModel(path, R2CGenerator(2, features=2), ["a", "b"], 16, evaluator, key_metric)
    if start is not None:
        handler.load_state_dict(start.state_dict())

    @trainer.on(Events.EPOCH_COMPLETED)
    def _validate(engine: Engine) -> None:
        path.unlink(missing_ok=True)
        value = values[engine.state.epoch - 1]
        if value is not None:
            evaluator.run([0])
            evaluator.state.metrics = {"f1": value}

    handler.attach(trainer)
    trainer.add_event_handler(
        Events.EPOCH_COMPLETED, lambda: saved.append(trainer.state.epoch) if path.exists() else None
    )
    trainer.run([0], max_epochs=len(values))
    _run.last = handler
    return saved


def test_model_is_written_when_the_metric_is_the_best_and_a_tie_goes_to_the_later(tmp_path: Path) -> None:
    assert _run(tmp_path, [0.5, 0.4, 0.5, 0.6, 0.1]) == [1, 3, 4]


def test_epoch_without_validation_writes_nothing(tmp_path: Path) -> None:
    assert _run(tmp_path, [None, 0.3, None]) == [2]


def test_undefined_metric_is_worse_than_any_number(tmp_path: Path) -> None:
    assert _run(tmp_path, [math.nan, 0.0, math.nan]) == [1, 2]


def test_best_value_survives_resuming(tmp_path: Path) -> None:
    _run(tmp_path, [0.8])
    assert _run(tmp_path, [0.7, 0.9], start=_run.last) == [2]


def test_without_evaluator_every_epoch_is_written(tmp_path: Path) -> None:
    trainer = Engine(lambda *_: None)
    BestModel(tmp_path / "model.pt", R2CGenerator(2, features=2), ["a", "b"], 16).attach(trainer)
    trainer.run([0], max_epochs=1)
    assert read_settings(tmp_path / "model.pt").classes == ("a", "b")


def test_unknown_metric_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key_metric: 'auc' is not among the validation's metrics: f1"):
        _run(tmp_path, [0.5], key_metric="auc")

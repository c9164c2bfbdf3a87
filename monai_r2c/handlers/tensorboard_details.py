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

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events

from .drawings import draw_roc
from .engine_state import is_last_epoch
from .epoch_evaluations import EpochEvaluations
from .metrics import ClassificationScores
from .tensorboard_log import TensorBoardLog

_MEASURES = ("noise", "sharpness", "contrast", "exposure")


class TensorBoardDetails:
    """Adds to a `TensorBoardLog` what a run is judged by beside its scalars.

    These are the configuration as text; after each validation the precision-recall and ROC curves of each class, and
    histograms of noise, sharpness, contrast and exposure of each domain, before and after restoration, as far as the
    evaluators measure them (`QualityScores`); and after the last epoch the settings as hyperparameters, with the
    validation's scores. Attach it after the validation and the `TensorBoardLog`.

    Args:
        tensorboard: the log, attached before.
        settings: plain values by name.
        evaluators: engines by prefix, as of `TensorBoardLog`.
        classification: the handlers whose probabilities are drawn, by the same prefixes.
        classes: names of the classes.
    """

    def __init__(
        self,
        tensorboard: TensorBoardLog,
        settings: Mapping[str, Any],
        evaluators: Mapping[str, Engine],
        classification: Mapping[str, ClassificationScores],
        classes: Sequence[str],
    ) -> None:
        self.tensorboard, self.settings, self.classes = tensorboard, dict(settings), list(classes)
        self.evaluations, self.classification = EpochEvaluations(evaluators), dict(classification)

    def attach(self, engine: Engine) -> None:
        self.evaluations.attach(engine)
        engine.add_event_handler(Events.EPOCH_STARTED, self._write_settings)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write_validation)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write_hyperparameters)

    def _write_settings(self, engine: Engine) -> None:
        writer = self.tensorboard.writer
        if writer is not None and engine.state.epoch == 1:
            rows = "".join(f"| {name} | {value} |\n" for name, value in self.settings.items())
            writer.add_text("configuration", f"| setting | value |\n| --- | --- |\n{rows}", 0)

    def _write_validation(self, engine: Engine) -> None:
        step = engine.state.iteration
        for prefix, evaluator in self.evaluations.ran().items():
            if prefix in self.classification:
                self._write_curves(prefix, step)
            details: Mapping[str, Any] = getattr(evaluator.state, "metric_details", {})
            values = {name: column for found in details.values() for name, column in _columns(found)}
            if self.tensorboard.writer is not None:
                for name in _histogram_names(values):
                    # the measure comes first, so that the domains stand side by side
                    measure, _, restored = name.partition("_")
                    domain = "good" if prefix.endswith("good") else "poor"
                    tag = f"{measure}/{domain}{', restored' if restored else ''}"
                    self.tensorboard.writer.add_histogram(tag, values[name], step)

    def _write_curves(self, prefix: str, step: int) -> None:
        probabilities, labels, _ = self.classification[prefix].metric_fn.buffers()
        writer = self.tensorboard.writer
        if writer is None:
            return
        scored = [1] if len(self.classes) == 2 else range(len(self.classes))
        for index in scored:
            positive = labels == index
            if positive.all() or not positive.any():
                continue  # without both kinds there is no curve
            tag, scores = f"{prefix}_curves", probabilities[:, index]
            writer.add_pr_curve(f"{tag}/precision_recall_{self.classes[index]}", positive, scores, step)
            writer.add_image(f"{tag}/roc_{self.classes[index]}", draw_roc(scores, positive), step)

    def _write_hyperparameters(self, engine: Engine) -> None:
        writer = self.tensorboard.writer
        if writer is None or not is_last_epoch(engine):
            return
        plain = {name: _plain(value) for name, value in self.settings.items()}
        writer.add_hparams(
            plain, self.evaluations.scores(), run_name="hyperparameters", global_step=engine.state.iteration
        )


def _columns(found: Any) -> list[tuple[str, torch.Tensor]]:
    return list(found.items()) if isinstance(found, Mapping) else []


def _histogram_names(values: Mapping[str, torch.Tensor]) -> list[str]:
    return [name for name, column in values.items() if name.partition("_")[0] in _MEASURES and column.isfinite().any()]


def _plain(value: Any) -> bool | float | str:
    return value if isinstance(value, (bool, int, float, str)) else str(value)

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

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine, Events

from monai_r2c.metrics import describe_score
from monai_r2c.metrics.descriptions import QUALITY
from monai_r2c.utils.processes import process_rank

from .engine_state import numbers_of
from .epoch_evaluations import EpochEvaluations
from .event_files import remove_later_steps

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_SUFFIX = ".monai_r2c"


class TensorBoardLog:
    """Logs every loss term, both learning rates and every metric to TensorBoard, and images for other handlers.

    Losses of an `R2CTrainer` stand under ``generator/`` and ``discriminator/``, those of another engine under
    ``training/``, learning rates under ``learning_rate/``, metrics under their evaluator's prefix, those of image
    quality under ``<prefix>_quality/``. The writer opens with the first epoch; steps that a resumed run does again are
    taken out of the log's own event files, whose names end in ``.monai_r2c``: other writers may use the same folder.
    Attach it to any ignite engine, after the validation. With several processes the first one writes, its own losses.

    Args:
        log_dir: folder of the event files.
        evaluators: engines whose metrics are logged, by prefix (such as ``validation``).
        interval: iterations between two writes of the losses, at least 1.
        output_transform: see `EpochLog`.

    Raises:
        InputError: during a run, when the engine's output has no numbers.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        evaluators: Mapping[str, Engine] | None = None,
        interval: int = 10,
        output_transform: Callable[[Any], Any] | None = None,
    ) -> None:
        self.log_dir = log_dir
        self.evaluations = EpochEvaluations(evaluators)
        self.interval, self.output_transform = interval, output_transform
        self._writer: SummaryWriter | None = None

    def attach(self, engine: Engine) -> None:
        self.evaluations.attach(engine)
        engine.add_event_handler(Events.EPOCH_STARTED, self._open)
        engine.add_event_handler(Events.ITERATION_COMPLETED(every=self.interval), self._write_losses)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write_metrics)
        engine.add_event_handler(Events.COMPLETED, self._close)

    @property
    def writer(self) -> SummaryWriter | None:
        """The open writer, for further handlers; None outside the epochs and in all processes but the first."""
        return self._writer

    def add_image(self, tag: str, image: torch.Tensor, step: int) -> None:
        """Write an image ``(channels, rows, columns)``, uint8 or in [0, 1], if the log is open."""
        if self._writer is not None:
            self._writer.add_image(tag, image, step)

    def _open(self, engine: Engine) -> None:
        if process_rank() > 0:
            return
        # imported late: tensorboard loads TensorFlow where that is installed
        from torch.utils.tensorboard import SummaryWriter

        if self._writer is None:  # only now, because resuming has set the iteration by now
            _wait_for_a_later_name(Path(self.log_dir))
            remove_later_steps(self.log_dir, _SUFFIX, engine.state.iteration)
            self._writer = SummaryWriter(str(self.log_dir), filename_suffix=_SUFFIX)

    def _write_losses(self, engine: Engine) -> None:
        if self._writer is None:
            return
        numbers = numbers_of(engine, self, self.output_transform)
        group = "generator" if "generator_loss" in numbers else "training"
        for name, value in numbers.items():
            if name.endswith("_learning_rate"):
                tag = f"learning_rate/{name.removesuffix('_learning_rate')}"
            elif name == "skipped":
                tag = name
            else:
                # the generators' terms come first and end with their total
                tag = f"{group}/{name.removeprefix(f'{group}_')}"
                group = "discriminator" if name == "generator_loss" else group
            self._writer.add_scalar(tag, value, engine.state.iteration)

    def _write_metrics(self, engine: Engine) -> None:
        if self._writer is None:
            return
        for tag, value in self.evaluations.scores().items():
            self._writer.add_scalar(_in_group(tag), value, engine.state.iteration)
        self._writer.flush()

    def _close(self, engine: Engine) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _wait_for_a_later_name(folder: Path) -> None:
    """Wait, a second at most, until a new event file comes after the log's existing ones in order of name.

    TensorBoard reads the files in that order. Names begin with the second of their start, so those of a run that is
    resumed within the same second would be ordered by host and process.
    """
    now = time.time()
    if any(folder.glob(f"events.out.tfevents.{int(now)}.*{_SUFFIX}")):
        time.sleep(int(now) + 1 - now)


def _in_group(tag: str) -> str:
    prefix, _, name = tag.rpartition("/")
    return f"{prefix}_quality/{name}" if describe_score(name).group == QUALITY else tag

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
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import DiskSaver

from monai_r2c.utils import InputError

_LOGGER = logging.getLogger("monai_r2c.training")
_NAME = re.compile(r"epoch_(\d+)\.pt")


class RunCheckpoint:
    """Saves all that a run needs to continue exactly, and resumes from it.

    Files are ``epoch_0001.pt`` and so on, written to a temporary file and renamed; the newest `keep` stay. A
    checkpoint holds the networks, optimizers, gradient scalers and image pools of the engine (its
    ``checkpoint_objects()``), the `extra` objects, the epoch and the iteration, and the configuration, which must be
    the same on resuming. It is loaded with ``weights_only=True``.

    Attach it last, so that what the other handlers of an epoch decide is in the checkpoint.

    Args:
        directory: where the files are.
        configuration: plain values that a resumed run must share, such as variant, order, channels and classes.
        extra: further objects with ``state_dict`` and ``load_state_dict``, by name.
        resume: whether the run continues from the newest readable checkpoint of `directory`.
        interval: epochs between two checkpoints; the last epoch is always saved.
        keep: how many stay, at least 1.

    Raises:
        InputError: when the run starts, if `resume` finds no readable checkpoint or one of another configuration, or if
            a run that does not resume finds checkpoints in `directory`.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        configuration: Mapping[str, Any],
        extra: Mapping[str, Any] | None = None,
        resume: bool = False,
        interval: int = 1,
        keep: int = 2,
    ) -> None:
        self.directory = Path(directory)
        self.configuration = dict(configuration)
        self.extra = dict(extra or {})
        self.resume, self.interval, self.keep = resume, interval, keep

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)

    def _start(self, engine: Engine) -> None:
        if self.resume:
            self._load(engine)
        elif self._files():
            raise InputError(
                f"{self.directory}: holds checkpoints of an earlier run; give --resume True to continue it, or another "
                "--output_dir."
            )

    def _save(self, engine: Engine) -> None:
        epoch = engine.state.epoch
        if epoch % self.interval and epoch != engine.state.max_epochs:
            return
        contents = {name: thing.state_dict() for name, thing in self._objects(engine).items()}
        contents |= {"configuration": self.configuration, "epoch": epoch, "iteration": engine.state.iteration}
        self.directory.mkdir(parents=True, exist_ok=True)
        DiskSaver(str(self.directory), require_empty=False)(contents, f"epoch_{epoch:04d}.pt")
        for old in self._files()[: -self.keep]:
            old.unlink()

    def _load(self, engine: Engine) -> None:
        path, contents = self._newest()
        for key, value in self.configuration.items():
            found = contents["configuration"].get(key)
            if found != value:
                raise InputError(f"{path}: {key} is {found} there and {value} here; resume with --{key} {found}.")
        for name, thing in self._objects(engine).items():
            if name not in contents:
                raise InputError(f"{path}: holds no {name}; resume with the settings of the run that wrote it.")
            thing.load_state_dict(contents[name])
        engine.state.epoch, engine.state.iteration = contents["epoch"], contents["iteration"]
        _LOGGER.info(f"resumed from {path}: epoch {contents['epoch']}, iteration {contents['iteration']}")

    def _newest(self) -> tuple[Path, dict[str, Any]]:
        for path in reversed(self._files()):
            try:
                return path, torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:  # torch raises what its unpickler and zip reader meet
                _LOGGER.warning(f"{path}: cannot be read ({type(error).__name__}); trying the one before")
        raise InputError(f"{self.directory}: no readable checkpoint to resume from; train without --resume first.")

    def _objects(self, engine: Engine) -> dict[str, Any]:
        return {**engine.checkpoint_objects(), **self.extra}  # type: ignore[attr-defined]

    def _files(self) -> list[Path]:
        found = (path for path in self.directory.glob("epoch_*.pt") if _NAME.fullmatch(path.name))
        return sorted(found, key=lambda path: int(path.stem.removeprefix("epoch_")))

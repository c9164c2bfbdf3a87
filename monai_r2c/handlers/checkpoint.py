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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from monai_r2c.utils import InputError, NonFiniteLossError, RunError
from monai_r2c.utils.faults import explain_fault, ignore_ending_workers
from monai_r2c.utils.processes import gather_from_processes, process_count, process_rank

from .best_model import BestModel
from .checkpoint_folder import CheckpointFolder
from .engine_state import is_last_epoch

_LOGGER = logging.getLogger("monai_r2c.training")


class RunCheckpoint:
    """Saves all that a run needs to continue exactly, resumes from it, and ends a run that cannot go on in one line.

    Files are ``epoch_0001.pt`` and so on (`CheckpointFolder`); the newest `keep` stay, and that of the best epoch. A
    checkpoint holds the networks, optimizers and gradient scalers of the engine (its ``checkpoint_objects()``), what
    each process has of its own (its ``process_objects()``, such as the image pools), the `extra` objects, the epochs
    done, the iteration, and the configuration, which must be the same on resuming. With several processes the first
    one writes for all.

    Attach it last, so that what the other handlers of an epoch decide is in the checkpoint. On an engine without
    ``checkpoint_objects()``, any of ignite or MONAI, what is saved are the `extra` objects, such as network and
    optimizer; such a run resumes with the next epoch, and its data have to come in an order that the epoch decides.

    Args:
        directory: where the files are.
        configuration: plain values that a resumed run must share, such as variant, order, channels and classes.
        extra: further objects with ``state_dict`` and ``load_state_dict``, by name, alike in every process.
        process_extra: the same, each process its own.
        resume: whether the run continues from the newest readable checkpoint of `directory`; ``"auto"`` does where
            there is one, and starts a new run elsewhere.
        interval: epochs between two checkpoints; the last epoch is always saved.
        keep: how many stay, at least 1.
        best: says which epoch is the best so far; its checkpoint stays too.

    Raises:
        InputError: when attached, if neither the engine nor `extra` names anything to save; when the run starts, if
            `resume` finds no readable checkpoint or one of another configuration, or if a run that does not resume
            finds checkpoints in `directory`.
        RunError: when a loss is NaN or infinite (the state before that update is saved as ``failed_*.pt``), the disk is
            full, a worker is killed, another process ends or GPU memory does not suffice.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        configuration: Mapping[str, Any],
        extra: Mapping[str, Any] | None = None,
        process_extra: Mapping[str, Any] | None = None,
        resume: bool | str = False,
        interval: int = 1,
        keep: int = 2,
        best: BestModel | None = None,
    ) -> None:
        self.folder = CheckpointFolder(directory)
        self.configuration = dict(configuration)
        self.extra, self.process_extra = dict(extra or {}), dict(process_extra or {})
        self.resume, self.interval, self.keep, self.best = resume, interval, keep, best

    def attach(self, engine: Engine) -> None:
        if not self._objects(engine):
            raise InputError(
                "RunCheckpoint: this engine has no checkpoint_objects() that say what to save; give "
                "extra={'network': network, 'optimizer': optimizer}."
            )
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save_if_due)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)
        # ahead of others that raise too, such as MONAI's StatsHandler: ignite stops at the first that does
        handlers = engine._event_handlers[Events.EXCEPTION_RAISED]
        handlers.insert(0, handlers.pop())

    def save(self, engine: Engine, prefix: str = "") -> Path:
        """Write a checkpoint of what the engine has done; within an epoch, of the steps done so far.

        Call it between two steps, on every process.

        Args:
            engine: the trainer.
            prefix: of the file's name.

        Raises:
            OSError: when it cannot be written.
        """
        state: Any = engine.state
        within = bool(prefix) or bool(state.epoch_length and state.iteration % state.epoch_length)
        name = f"{prefix}epoch_{state.epoch:04d}" + (f"_iteration_{state.iteration}" if within else "") + ".pt"
        own = {name: _on_cpu(thing.state_dict()) for name, thing in self._process_objects(engine).items()}
        contents: dict[str, Any] = {name: thing.state_dict() for name, thing in self._objects(engine).items()}
        contents["processes"] = gather_from_processes(own)
        contents |= {"configuration": self.configuration, "epoch_length": state.epoch_length}
        contents |= {"epoch": state.epoch - within, "iteration": state.iteration}
        if process_rank() == 0:
            self.folder.write(name, contents)
        return self.folder.path / name

    def _start(self, engine: Engine) -> None:
        found = self.folder.newest() if self.resume else None
        if found is not None:
            self._load(engine, *found)
        elif self.resume is True or (self.resume and self.folder.files()):
            raise InputError(f"{self.folder.path}: no readable checkpoint to resume from; train without --resume.")
        else:
            self.folder.require_empty()

    def _save_if_due(self, engine: Engine) -> None:
        epoch = engine.state.epoch
        if epoch % self.interval and not is_last_epoch(engine):
            return
        self.save(engine)
        if process_rank() == 0:
            self.folder.prune(self.keep, *([f"epoch_{self.best.epoch:04d}.pt"] if self.best is not None else []))

    def _load(self, engine: Engine, path: Path, contents: Mapping[str, Any]) -> None:
        for key, value in self.configuration.items():
            there = contents["configuration"].get(key)
            if there != value:
                raise InputError(f"{path}: {key} is {there} there and {value} here; resume with --{key} {there}.")
        epoch, iteration = self._position(engine, path, contents)
        for name, thing in self._objects(engine).items():
            _restore(thing, name, contents, path)
        # other processes than saved take turns at what there is
        own = contents["processes"][process_rank() % len(contents["processes"])]
        for name, thing in self._process_objects(engine).items():
            _restore(thing, name, own, path)
        engine.state.epoch, engine.state.iteration = epoch, iteration
        if process_rank() == 0:
            _LOGGER.info(f"resumed from {path}: {epoch} epochs done, iteration {iteration}")

    @staticmethod
    def _position(engine: Engine, path: Path, contents: Mapping[str, Any]) -> tuple[int, int]:
        """Return the epochs and iterations done, in iterations of this run."""
        there, here = contents["epoch_length"], engine.state.epoch_length
        epoch, iteration = contents["epoch"], contents["iteration"]
        if here in (there, None) and len(contents["processes"]) == process_count():
            return epoch, iteration
        if iteration % there:
            raise InputError(
                f"{path}: was saved within an epoch of {there} steps by {len(contents['processes'])} processes; resume "
                "with the same images, batch_size and number of processes at least to the end of this epoch."
            )
        _LOGGER.warning(
            f"{path}: its epochs had {there} steps in {len(contents['processes'])} processes, now {here} in "
            f"{process_count()}; the run goes on, but not as it would have there"
        )
        return epoch, epoch * here

    def _fail(self, engine: Engine, error: BaseException) -> None:
        ignore_ending_workers()
        if isinstance(error, (InputError, RunError)) and not isinstance(error, NonFiniteLossError):
            raise error
        if isinstance(error, NonFiniteLossError) and not error.saved:
            error.saved = True
            path = self.save(engine, "failed_")
            raise NonFiniteLossError(f"{error} The state before this update is in {path}.", saved=True) from error
        reason = explain_fault(error)
        if reason is None or isinstance(error, RunError):
            raise error
        found = self.folder.files()
        advice = f"continue from {found[-1]} with --resume True" if found else "no checkpoint was written yet"
        where = f"epoch {engine.state.epoch}, iteration {engine.state.iteration}"
        raise RunError(f"{where}: {reason}; {advice}.") from error

    def _objects(self, engine: Engine) -> dict[str, Any]:
        return {**getattr(engine, "checkpoint_objects", dict)(), **self.extra}

    def _process_objects(self, engine: Engine) -> dict[str, Any]:
        return {**getattr(engine, "process_objects", dict)(), **self.process_extra}


def _restore(thing: Any, name: str, contents: Mapping[str, Any], path: Path) -> None:
    advice = "resume with the settings of the run that wrote it."
    if name not in contents:
        raise InputError(f"{path}: holds no {name}; {advice}")
    if not contents[name]:  # such as the scaler of a run in another precision
        return
    try:
        thing.load_state_dict(contents[name])
    except InputError:
        raise
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(f"{path}: {name} does not fit this run ({' '.join(lines[:2])}); {advice}") from error


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, Mapping):
        return {key: _on_cpu(entry) for key, entry in value.items()}
    return value

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
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any

from ignite.engine import Engine, Events

from monai_r2c.utils import InputError
from monai_r2c.utils.processes import on_any_process, process_rank

from .checkpoint import RunCheckpoint
from .engine_state import device_of

_LOGGER = logging.getLogger("monai_r2c.training")


class Preemption:
    """Saves and ends a run that is asked to go, such as by a cluster that needs the machine.

    At a signal the current step is finished, its state is saved within the epoch, and the process exits with the
    signal's status (128 plus its number, 143 for SIGTERM). A signal that arrives during the last step of an epoch or
    during validation waits for the epoch's end and its checkpoint, and so does every signal when the engine cannot
    resume within an epoch. A second Ctrl-C (SIGINT) does not wait. With several processes, one that was asked ends all
    of them, at the same step.

    Attach it after the checkpoint, to any engine that the checkpoint fits.

    Args:
        checkpoint: saves the state.
        signals: names of the signals; SIGUSR1 is what Slurm may send some time before the limit, SIGINT is Ctrl-C. A
            system that has no SIGUSR1 does without.

    Raises:
        InputError: when a name is that of no signal.
    """

    def __init__(self, checkpoint: RunCheckpoint, signals: Sequence[str] = ("SIGTERM", "SIGUSR1")) -> None:
        self.checkpoint = checkpoint
        known = {*signal.Signals.__members__, "SIGUSR1", "SIGUSR2", "SIGHUP"}
        if unknown := [name for name in signals if name not in known]:
            raise InputError(f"signals: {', '.join(unknown)}: no such signal; expected names such as SIGTERM, SIGUSR1.")
        self.signals = [signal.Signals[name] for name in signals if name in signal.Signals.__members__]
        self._received: int = 0
        self._former: dict[int, Any] = {}

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self._listen)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end_within_epoch)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end_after_epoch)
        engine.add_event_handler(Events.COMPLETED, self._stop_listening)

    def _listen(self, engine: Engine) -> None:
        if threading.current_thread() is not threading.main_thread():
            _LOGGER.warning("signals reach the main thread only, so this run cannot save at one")
            return
        self._received = 0
        for number in self.signals:
            self._former.setdefault(number, signal.signal(number, self._receive))

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == self._received == signal.SIGINT:
            raise KeyboardInterrupt
        if number == signal.SIGINT:
            print("Ctrl-C: this step is finished and saved; again ends at once", flush=True)
        self._received = number

    def _end_within_epoch(self, engine: Engine) -> None:
        state: Any = engine.state
        # asked in every step, because the processes have to agree in which one they end
        asked = on_any_process(self._received > 0, device_of(engine))
        if asked and getattr(engine, "resumes_within_epochs", False) and state.iteration % state.epoch_length:
            self._end(engine, str(self.checkpoint.save(engine)))

    def _end_after_epoch(self, engine: Engine) -> None:
        if on_any_process(self._received > 0, device_of(engine)):
            self._end(engine, str(self.checkpoint.save(engine)))

    def _end(self, engine: Engine, path: str) -> None:
        number = self._received or int(signal.SIGTERM)
        self._stop_listening()
        where = f"epoch {engine.state.epoch}, iteration {engine.state.iteration}"
        if process_rank() == 0:
            _LOGGER.warning(
                f"{signal.Signals(number).name} received: {where} is saved in {path}; continue with --resume True"
            )
        sys.exit(128 + number)

    def _stop_listening(self) -> None:
        while self._former:
            signal.signal(*self._former.popitem())

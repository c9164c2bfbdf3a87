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

"""Kills a training run at random moments, resumes it each time, and counts finished epochs that were lost.

It trains narrow networks on random images of 32 pixels, saves after every epoch of two steps, and is killed with
SIGKILL, so also while it writes. After each kill the newest checkpoint that can be read must be at least as new as the
newest one seen before; at the end the run is finished and compared, bit for bit, with one that was never killed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from long_run import differences, images, make_run

from monai_r2c.handlers.checkpoint_folder import CheckpointFolder

SMALL = {"decay_epoch": None, "poor": images(4), "good": images(3, first=100), "keep": 2}


def start(output_dir: Path, max_epochs: int) -> tuple[multiprocessing.process.BaseProcess, Any]:
    """Train in another process; the event is set when training begins."""
    context = multiprocessing.get_context("fork")
    begun = context.Event()

    def train() -> None:
        trainer = make_run(output_dir, resume="auto", max_epochs=max_epochs, **SMALL)
        trainer.add_event_handler(Events.STARTED, begun.set)
        trainer.run()

    process = context.Process(target=train)
    process.start()
    return process, begun


def newest_epoch(output_dir: Path) -> int:
    found = CheckpointFolder(output_dir / "checkpoints").newest()
    return 0 if found is None else found[1]["epoch"]


def seconds_of_first_epoch(output_dir: Path) -> float:
    """Time from the start of training to its first checkpoint."""
    process, begun = start(output_dir, 1)
    begun.wait(30)
    began = time.monotonic()
    process.join()
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60, help="for all kills; the last ones are left out after it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output-dir", type=Path, default=None)
    arguments = parser.parse_args()
    folder = arguments.output_dir or Path(tempfile.mkdtemp())
    moments, end = random.Random(arguments.seed), time.monotonic() + arguments.seconds
    torch.set_num_threads(1)

    longest = max(0.8, 2 * seconds_of_first_epoch(folder / "timed"))  # so that epochs get done on a slow machine too
    kills, lost, partial, done = 0, 0, 0, 0
    while kills < arguments.kills and time.monotonic() < end:
        process, begun = start(folder / "killed", 1_000_000)
        begun.wait(30)
        time.sleep(moments.uniform(0, longest))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode != -signal.SIGKILL:
            print(f"a resumed run ended by itself with status {process.exitcode}")
            sys.exit(1)
        partial += any((folder / "killed" / "checkpoints").glob(".partial-*"))
        now = newest_epoch(folder / "killed")
        lost, done = lost + max(0, done - now), max(done, now)

    # without decay the number of epochs does not change what an epoch does
    for name in ("killed", "straight"):
        process, _ = start(folder / name, done + 1)
        process.join()
        if process.exitcode:
            print(f"the {name} run ended with status {process.exitcode}")
            sys.exit(1)
    last = [CheckpointFolder(folder / name / "checkpoints").newest() for name in ("killed", "straight")]
    changed = differences(*(found[1] if found else None for found in last))
    print(f"kills: {kills}, of which while writing: {partial}, epochs done: {done}, lost epochs: {lost}")
    print(f"entries of the last checkpoint that differ from a run without kills: {len(changed)}")
    sys.exit(bool(lost or changed or not done))


if __name__ == "__main__":
    main()

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

"""This package beside the published method in TensorFlow: two processes that take steps in turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


class Stepper:
    """A process that takes one step when it is asked."""

    def __init__(self, python: str, *arguments: str, **environment: str) -> None:
        script, *rest = arguments
        self.process = subprocess.Popen(
            [python, str(FOLDER / script), *rest],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )
        self.name = self._answer()

    def step(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(file=self.process.stdin, flush=True)
        return json.loads(self._answer())  # type: ignore[no-any-return]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(map(str, self.process.args))}: ended; run it by hand to see why.")
        return line.strip()


def compare(python: str, task: str, size: int, threads: int, rounds: int) -> list[dict[str, Any]]:
    """Let all take steps in turn, after two each that warm up; the first result is TensorFlow's."""
    arguments = (task, str(size), str(threads))
    steppers = [Stepper(python, "tensorflow_step.py", *arguments, TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")]
    steppers += [Stepper(sys.executable, "torch_step.py", *arguments, precision) for precision in ("fp32", "bf16")]
    try:
        for stepper in steppers:
            for _ in range(2):
                stepper.step()
        turns = [[stepper.step() for stepper in steppers] for _ in range(rounds)]
    finally:
        for stepper in steppers:
            stepper.close()
    clock = "processor" if threads == 1 else "clock"
    results = []
    for index, stepper in enumerate(steppers):
        seconds = [turn[index][clock] for turn in turns]
        ratios = [turn[0][clock] / turn[index][clock] for turn in turns]
        results.append(
            {
                "task": task,
                "threads": threads,
                "name": stepper.name,
                "seconds": seconds,
                "least": min(seconds),
                "times_as_fast": statistics.median(ratios),
                "times_as_fast_by_least": min(turn[0][clock] for turn in turns) / min(seconds),
                "peak_memory": max(turn[index]["peak_memory"] for turn in turns),
            }
        )
    return results

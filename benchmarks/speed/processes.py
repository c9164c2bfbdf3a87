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
"""Training by several processes of this machine: what a step takes, and what the averaging of gradients is of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import Any

from cases import Setting
from process_step import MARK

OF_BUNDLE = 1  # all-reduces that its handlers add to a step: whether a signal ended any process (`Preemption`)


def measure_processes(count: int, setting: Setting, rounds: int, gpu: bool) -> dict[str, Any]:
    """Let torchrun start so many processes of one thread, on GPUs over NCCL or on the CPU over gloo.

    Returns:
        Of the whole: bytes of each all-reduce in a step, operations and collectives of a step. Of the step, the step
        ``unshared`` (without the averaging) and the averaging ``alone``, in seconds: ``clock`` of the slowest
        process, and ``processor`` time, the mean of the processes.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}"]
    command += [str(Path(__file__).with_name("process_step.py")), json.dumps(asdict(setting)), str(rounds)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    if not gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise SystemExit(f"{' '.join(command)}: failed.\n{done.stderr[-2000:]}")
    processes = json.loads(lines[0].removeprefix(MARK))
    found = {"processes": count, **{name: processes[0][name] for name in ("bytes", "flops", "collectives")}}
    for name in ("step", "unshared", "alone"):
        found[name] = {
            "clock": max(process[name]["clock"] for process in processes),
            "processor": mean(process[name]["processor"] for process in processes),
        }
    return found


def with_ratios(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add share and efficiency: the averaging alone over the step, and the first result's step over each one's."""
    first = results[0]["step"]
    for result in results:
        step = result["step"]
        result["share"] = {clock: result["alone"][clock] / step[clock] for clock in step}
        result["efficiency"] = {clock: first[clock] / step[clock] for clock in step}
    return results


def processes_table(results: list[dict[str, Any]]) -> list[str]:
    """Lines of a table; of two values one is by the clock, the other of the processor."""
    lines = [
        "| processes | step | without averaging | averaging alone | share of the step | efficiency |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for result in results:
        times = [(result[name], 1e3, ".1f", " ms") for name in ("step", "unshared", "alone")]
        ratios = [(result[name], 1, ".3f", "") for name in ("share", "efficiency")]
        cells = [
            f"{costs['clock'] * factor:{digits}} / {costs['processor'] * factor:{digits}}{unit}"
            for costs, factor, digits, unit in times + ratios
        ]
        lines.append("| " + " | ".join([str(result["processes"]), *cells]) + " |")
    return lines

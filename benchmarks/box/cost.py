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

import subprocess
import sys
import time
from typing import Any

import torch

from benchmarks.restoration.results import host
from monai_r2c.metrics.restoration_check import RestorationCheck

from .images import Restorer


def measure_cost(restorer: Restorer, rounds: int = 7) -> dict[str, Any]:
    """Processor seconds of one thread for an image, at its least over the rounds, with and without the check."""
    torch.set_num_threads(1)
    check = RestorationCheck.of_statistics(restorer.settings.statistics)
    size = restorer.settings.image_size
    generator = torch.Generator().manual_seed(0)
    found: dict[str, Any] = {
        "parameters": sum(parameter.numel() for parameter in restorer.network.parameters()),
        "megabytes": restorer.path.stat().st_size / 1e6,
        "host": host()["processor"],
    }
    for side in (size, 8 * size):
        image = torch.rand(1, side, side, generator=generator)
        restored = restorer(image)[0]
        found[f"seconds_{side}"] = _least(lambda image=image: restorer(image), rounds)
        if check is not None:
            found[f"check_seconds_{side}"] = _least(lambda a=image, b=restored: check(a, b), rounds)
    found["peak_mib"] = _peak(restorer, 8 * size)
    return found


def _peak(restorer: Restorer, side: int) -> float:
    """MiB of a process of its own that restores one image."""
    code = (
        "import resource, sys, pathlib, torch; from benchmarks.box.images import Restorer; torch.set_num_threads(1); "
        "Restorer(pathlib.Path(sys.argv[1]))(torch.rand(1, int(sys.argv[2]), int(sys.argv[2]))); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(restorer.path), str(side)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _least(call: Any, rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)

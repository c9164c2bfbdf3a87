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

"""Start-up: what a training run of the bundle takes before its first step, from the command on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

_HANDLER = "+train::handlers: [{_target_: start_up.StopBeforeFirstStep}]\n"
_LINE = "processor seconds before the first step:"
_MONAI = f"import time, monai.bundle; print({_LINE!r}, time.process_time())"


class StopBeforeFirstStep:
    """Handler that says what the process has taken until its first step, and ends it."""

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_STARTED, self._stop)

    def _stop(self, engine: Engine) -> None:
        print(_LINE, time.process_time(), flush=True)
        os._exit(0)


def start_up_costs(runs: int, threads: int, settings: tuple[str, ...]) -> list[dict[str, float]]:
    """Start training on a few phantoms once, which compiles Python's files, then so many times.

    Args:
        runs: how many are measured.
        threads: of torch.
        settings: of the bundle, such as ``("--features", "64")``.

    Returns:
        Of each run: processor time of the process and time by the clock, in seconds; and the processor time of another
        right before, that does nothing but import MONAI's bundles, and torch with them.
    """
    # the runs import this file too, and have no need of these
    from monai_r2c.data.phantom import write_phantom_dataset
    from monai_r2c.utils.bundle_folder import bundle_folder

    configs = bundle_folder() / "configs"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_phantom_dataset(folder / "phantoms", {"train": 8, "validation": 4, "test": 4}, size=64)
        (folder / "stop.yaml").write_text(_HANDLER)
        command = [sys.executable, "-W", "ignore", "-m", "monai.bundle", "run", "training", "--config_file"]
        command += [str([str(configs / "train.yaml"), str(folder / "stop.yaml")]), "--dataset_dir"]
        command += [str(folder / "phantoms"), "--classes", "non-covid,covid", "--output_dir", str(folder / "run")]
        imports = [sys.executable, "-W", "ignore", "-c", _MONAI]
        return [
            {"monai": _start(imports, threads)["processor"], **_start([*command, *settings], threads)}
            for _ in range(runs + 1)
        ][1:]


def _start(command: list[str], threads: int) -> dict[str, Any]:
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(threads)}
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    clock = time.perf_counter() - start
    found = re.search(f"{_LINE} (.+)", done.stdout)
    if not found:
        raise SystemExit(f"{' '.join(command)}: did not come to its first step.\n{done.stderr[-2000:]}")
    return {"processor": float(found[1]), "clock": clock}

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
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/fuzz_radiographs.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="time and memory are limited on Linux and macOS")
def test_mutated_files_of_every_kind_load_or_are_refused_in_one_line() -> None:
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "--files", "200", "--seed", "4"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert result.returncode == 0, result.stdout + result.stderr[-2000:]
    counts = [line[22:].split()[:3] for line in result.stdout.splitlines()[1:]]
    assert sum(int(files) for files, *_ in counts) == 200
    assert 0 < sum(int(loaded) for _, loaded, _ in counts) < 200  # some damage is harmless, most is not

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

import platform
import subprocess
import sys

import pytest

from monai_r2c.utils import keep_freed_memory

_PROGRAM = """
import resource, torch
from monai_r2c.utils import keep_freed_memory

def count_new_pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(16 * 2**20).fill_(1.0)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

count_new_pages()
given_back = min(count_new_pages() for _ in range(3))
assert keep_freed_memory()
# a small request may fall into the freed buffer, so that the next large one needs another; then both are there
kept = [count_new_pages() for _ in range(6)]
assert sorted(kept)[2] < given_back / 10, (given_back, kept)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_freed_memory_is_used_again_without_new_pages():
    # a process of its own, because there is no way back
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=120)


def test_other_c_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()

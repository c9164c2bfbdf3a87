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

from pathlib import Path

from benchmarks.mutations import mutations, place

ROOT = Path(__file__).parents[2]


def test_every_mutation_finds_its_text_once_and_its_tests() -> None:
    for mutation in mutations():
        place(mutation, ROOT)  # raises SystemExit where the text does not stand exactly once
        for test in mutation.tests:
            assert (ROOT / test.partition("::")[0]).exists(), f"{mutation.name}: {test}"

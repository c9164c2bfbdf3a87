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

import json
from pathlib import Path

import pytest
from study_files import make_small_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of all tasks: 2 readers, 8 cases of two classes, no wash-out. Tests must not write into it."""
    pytest.importorskip("statsmodels")
    return make_small_study(tmp_path_factory.mktemp("study") / "all")


@pytest.fixture(scope="session")
def key(study: Path) -> dict:
    return json.loads((study / "key/key.json").read_text())

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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import monai
import torch

import monai_r2c
from monai_r2c.utils.files import write_text_atomically


def write_configuration(path: str | Path, settings: Mapping[str, Any]) -> None:
    """Write a run's settings, and the versions it runs with, as JSON; the first rank does.

    Args:
        path: usually ``configuration.json`` in the run's folder.
        settings: plain values by name.
    """
    if idist.get_rank() != 0:
        return
    versions = {"monai_r2c": monai_r2c.__version__, "monai": monai.__version__, "torch": torch.__version__}
    content = {"settings": dict(settings), "versions": {name: str(version) for name, version in versions.items()}}
    write_text_atomically(path, json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")

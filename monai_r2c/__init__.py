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
"""Blind restoration of medical images together with diagnosis: R2C-GAN and operational layers on MONAI.

Importing the package loads every sub-package, so that a MONAI config with ``imports: [$import monai_r2c]`` finds each
class by its short name, and registers the operational layers in MONAI's ``Conv`` factory. Where the process is the
command line itself, each command imports what it needs: an answer about usage waits for neither torch nor MONAI.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "apps",
    "data",
    "engines",
    "handlers",
    "inferers",
    "losses",
    "metrics",
    "networks",
    "report",
    "transforms",
    "utils",
]

# Python says -m while it looks for the module to run, which is when it imports its package; else a script says its name
_STARTED = Path(sys.argv[0]) if getattr(sys, "argv", None) else Path()
_IS_COMMAND = _STARTED.stem in ("-m", "monai-r2c")

if _STARTED.parts[-3:] == ("monai", "bundle", "__main__.py"):  # what follows takes seconds, and may be interrupted
    import_module(f"{__name__}.utils").report_in_one_line()

if TYPE_CHECKING or not _IS_COMMAND:
    from . import apps, data, engines, handlers, inferers, losses, metrics, networks, report, transforms, utils


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

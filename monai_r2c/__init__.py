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
class by its short name, and registers the operational layers in MONAI's ``Conv`` factory.
"""

from __future__ import annotations

from . import apps, data, engines, handlers, inferers, losses, metrics, networks, report, transforms, utils

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

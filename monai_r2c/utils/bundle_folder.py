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

BUNDLE = "chest_xray_restore_classify"


def bundle_folder() -> Path:
    """Return where the bundle is: in the installed package, or at the top of the tree that the package is run from."""
    return _installed_folder() if is_installed() else Path(__file__).parents[2] / "bundles" / BUNDLE


def is_installed() -> bool:
    """Return whether the bundle came within the package, as in a wheel, where nobody should write."""
    return _installed_folder().is_dir()


def _installed_folder() -> Path:
    return Path(__file__).parents[1] / "bundles" / BUNDLE

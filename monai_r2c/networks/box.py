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

import os
from pathlib import Path

from monai_r2c.utils.bundle_folder import bundle_folder
from monai_r2c.utils.files import sha256_of

BOX = "box"


def box_path() -> Path:
    """Return where the trained model that comes with the package is: in the bundle's folder ``models``."""
    return bundle_folder() / "models" / "model.pt"


def model_path(path: str | os.PathLike) -> Path:
    """Return the path of a model file, in place of which ``box`` names the trained model that comes with the package.

    A file of the working directory that is called ``box`` has precedence.
    """
    return box_path() if os.fspath(path) == BOX and not Path(path).is_file() else Path(path)


def model_digest(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a model file, by which tables and DICOM files name it."""
    return sha256_of(model_path(path))

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

import numpy as np
import torch
from PIL import Image

_WHITE = 65535


def write_image(path: Path, image: torch.Tensor) -> None:
    """Write ``(1, rows, columns)`` in [0, 1] as a PNG of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.round(np.asarray(image[0], dtype=np.float64).clip(0, 1) * _WHITE).astype(np.uint16)
    Image.fromarray(levels).save(path)


def read_image(path: Path) -> torch.Tensor:
    """Read such a PNG as ``(1, rows, columns)``, float32 in [0, 1]."""
    with Image.open(path) as image:
        return torch.from_numpy(np.asarray(image, dtype=np.float32) / _WHITE)[None]

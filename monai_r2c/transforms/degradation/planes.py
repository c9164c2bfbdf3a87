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

from collections.abc import Callable

import numpy as np
import torch


def on_planes(image: torch.Tensor, function: Callable[[np.ndarray], np.ndarray]) -> torch.Tensor:
    """Apply a function of gray pictures to every plane of the last two dims.

    Args:
        image: ``(channels, *spatial)`` with 1 to 3 spatial dims; a 1-D signal counts as one row.
        function: takes and gives ``(rows, columns)`` float32.

    Returns:
        Image of the same shape, type and device.
    """
    *_, rows, columns = shape = image.shape if image.dim() > 2 else (image.shape[0], 1, image.shape[1])
    planes = image.reshape(-1, rows, columns).cpu().numpy().astype(np.float32, copy=False)
    changed = np.stack([function(plane) for plane in planes]).reshape(shape)
    return torch.from_numpy(changed).to(image).reshape(image.shape)

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

import torch
import torch.nn as nn

POOLINGS = ("max", "mean", "mean_max")


class ClassHead(nn.Module):
    """Logits from a feature map: global pooling, then one linear layer.

    Args:
        channels: of the feature map.
        num_classes: number of logits, at least 1.
        pooling: ``max`` (published), ``mean``, or ``mean_max`` for both side by side.

    Shape:
        Input ``(batch, channels, *spatial)``; output ``(batch, num_classes)``.

    Raises:
        ValueError: when `pooling` is unknown.
    """

    def __init__(self, channels: int, num_classes: int, pooling: str = "max") -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}.")
        self.pooling = pooling
        self.linear = nn.Linear(2 * channels if pooling == "mean_max" else channels, num_classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        flat = features.flatten(2)
        if self.pooling == "max":
            pooled = flat.amax(-1)
        elif self.pooling == "mean":
            pooled = flat.mean(-1)
        else:
            pooled = torch.cat([flat.mean(-1), flat.amax(-1)], dim=1)
        return self.linear(pooled)

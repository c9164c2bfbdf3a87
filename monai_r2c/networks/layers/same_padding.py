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

from collections.abc import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F


class SamePad(nn.Module):
    """Zero padding before a convolution as TensorFlow's ``padding="SAME"``: output size ``ceil(size / stride)``.

    The padding is split unevenly, with the larger part after: kernel 3, stride 2 on an even size pads (0, 1).

    Args:
        spatial_dims: number of spatial dimensions, 1 to 3.
        kernel_size: kernel of the convolution that follows, the same along every dimension.
        stride: its stride.

    Shape:
        Input ``(batch, channels, *spatial)``; output the same with every spatial dimension padded.
    """

    def __init__(self, spatial_dims: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.spatial_dims = spatial_dims
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding: list[int] = []
        for dim in range(self.spatial_dims):  # F.pad wants the last dimension first
            size = x.shape[x.dim() - 1 - dim]
            # total = (ceil(size / stride) - 1) * stride + kernel - size, written without a ceil for dynamic shapes
            total = max(self.kernel_size - self.stride + (-size) % self.stride, 0)
            padding += [total // 2, total - total // 2]
        return F.pad(x, padding)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


class CropTo(nn.Module):
    """Keep the leading part of every spatial dimension, up to the size of a reference."""

    def forward(self, x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
        for dim, length in enumerate(size):
            x = x.narrow(dim + 2, 0, length)
        return x

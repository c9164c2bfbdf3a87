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
import torch.nn.functional as F


def tensorflow_padding(size: int, kernel_size: int, stride: int) -> tuple[int, int]:
    """Zeros before and after one dimension for TensorFlow's ``padding="SAME"``: output size ``ceil(size / stride)``.

    The split is uneven, with the larger part after: kernel 3, stride 2 on an even size gives (0, 1).
    """
    # total = (ceil(size / stride) - 1) * stride + kernel - size, written without a ceil for dynamic shapes
    total = max(kernel_size - stride + (stride - size % stride) % stride, 0)
    before = total // 2
    return before, total - before


class _Same(nn.Module):
    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}"


class SamePad(_Same):
    """Zero padding before a convolution, as TensorFlow's ``padding="SAME"`` (see `tensorflow_padding`).

    Args:
        kernel_size: kernel of the convolution that follows, the same along every dimension.
        stride: its stride.

    Shape:
        Input ``(batch, channels, *spatial)``; output the same with every spatial dimension padded.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding: list[int] = []
        for dim in range(x.dim() - 1, 1, -1):  # F.pad wants the last dimension first
            before, after = tensorflow_padding(x.shape[dim], self.kernel_size, self.stride)
            padding.append(before)
            padding.append(after)
        return F.pad(x, padding)


class SameCrop(_Same):
    """Crop after an unpadded transposed convolution: the transpose of `SamePad` for an image of the given size.

    On even sizes with kernel 3 and stride 2 it drops the last row and column, as TensorFlow does; on odd sizes the
    first ones too.

    Args:
        kernel_size, stride: of the transposed convolution that came before.

    Shape:
        Input ``(batch, channels, *spatial)`` and the wanted spatial size, that of `SamePad`'s input; output of that
        size.
    """

    def forward(self, x: torch.Tensor, size: list[int]) -> torch.Tensor:
        for dim, length in enumerate(size):
            before, _ = tensorflow_padding(length, self.kernel_size, self.stride)
            x = x.narrow(dim + 2, before, length)
        return x

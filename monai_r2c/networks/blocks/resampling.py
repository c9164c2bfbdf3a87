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

from ..layers import SameCrop, SamePad
from .chain import Chain
from .convolution_kind import ConvolutionKind


class SameDown(Chain):
    """Strided convolution with TensorFlow's SAME padding, then any further layers.

    Args:
        kind: plain or operational convolution.
        in_channels, out_channels, kernel_size, stride, bias: of the convolution.
        after: layers that follow it.

    Shape:
        Input ``(batch, in_channels, *spatial)``; output ``(batch, out_channels, *ceil(spatial / stride))``.
    """

    def __init__(
        self,
        kind: ConvolutionKind,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int,
        bias: bool,
        *after: nn.Module,
    ) -> None:
        conv = kind.conv(in_channels, out_channels, kernel_size, stride=stride, bias=bias)
        super().__init__(SamePad(kernel_size, stride), conv, *after)


UPSAMPLINGS = ("transposed", "resize")


class SameUp(nn.Module):
    """Transposed convolution of kernel 3 and stride 2 with TensorFlow's SAME padding, then any further layers.

    Args:
        kind: plain or operational convolution.
        in_channels, out_channels, bias: of the transposed convolution.
        after: layers that follow it.

    Shape:
        Input ``(batch, in_channels, *spatial)`` and the wanted size, of which `spatial` is half, rounded up; output
        ``(batch, out_channels, *size)``.
    """

    def __init__(
        self, kind: ConvolutionKind, in_channels: int, out_channels: int, bias: bool, *after: nn.Module
    ) -> None:
        super().__init__()
        self.conv = kind.transposed(in_channels, out_channels, 3, stride=2, bias=bias)
        self.crop = SameCrop(3, 2)
        self.after = Chain(*after)

    def forward(self, x: torch.Tensor, size: list[int]) -> torch.Tensor:
        return self.after(self.crop(self.conv(x), size))


class ResizeUp(nn.Module):
    """Enlargement to twice the size by repeated pixels, then a convolution of kernel 3 and any further layers.

    Every pixel of the result sees as many weights as its neighbours, so it has no checkerboard of its own, which a
    transposed convolution of stride 2 has.

    Args:
        kind: plain or operational convolution.
        in_channels, out_channels, bias: of the convolution, which reflects the image at its borders.
        after: layers that follow it.

    Shape:
        As of `SameUp`; every wanted size at least 2.

    Source: A. Odena, V. Dumoulin, C. Olah, "Deconvolution and Checkerboard Artifacts", Distill (2016),
        doi:10.23915/distill.00003.
    """

    def __init__(
        self, kind: ConvolutionKind, in_channels: int, out_channels: int, bias: bool, *after: nn.Module
    ) -> None:
        super().__init__()
        self.conv = kind.conv(in_channels, out_channels, 3, padding=1, padding_mode="reflect", bias=bias)
        self.after = Chain(*after)

    def forward(self, x: torch.Tensor, size: list[int]) -> torch.Tensor:
        return self.after(self.conv(F.interpolate(x, size, mode="nearest")))

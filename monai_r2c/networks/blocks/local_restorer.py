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

_MULTIPLE = 8  # pixels: pixels to blocks of two, then two levels that each halve the size


class LocalRestorer(nn.Module):
    """Restores detail from what lies nearby: a small U-Net without norms, the same for a crop and for a whole image.

    A norm that takes statistics of its input sees others in a crop of training than in nine million pixels of a
    radiograph; this network has none, so that a pixel depends on the pixels within `reach` of it and on nothing else.
    It works on blocks of two by two pixels, as FFDNet does, and last at full size. At the start it gives 0.

    Args:
        in_channels, out_channels: of the images.
        features: channels of the finest level; the next ones have twice and three times as many.

    Attributes:
        reach: pixels; nothing farther away than this changes a pixel.
        multiple: pixels; an image cut at multiples of this gives the same values as a whole one.

    Shape:
        Input ``(batch, in_channels, rows, columns)``, output ``(batch, out_channels, rows, columns)``; sizes that
        `multiple` does not divide are filled up by repeating the border.
    """

    reach = 88
    multiple = _MULTIPLE

    def __init__(self, in_channels: int, out_channels: int, features: int = 32) -> None:
        super().__init__()
        fine, middle, coarse, last = features, 2 * features, 3 * features, features // 4
        self.enter = _conv(4 * in_channels, fine)
        self.encode_fine = _Residual(fine)
        self.down_middle = nn.Conv2d(fine, middle, 2, stride=2)
        self.encode_middle = _Residual(middle)
        self.down_coarse = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = nn.Sequential(_Residual(coarse), _Residual(coarse))
        self.up_middle = nn.Conv2d(coarse, middle, 1)
        self.decode_middle = _Residual(middle)
        self.up_fine = nn.Conv2d(middle, fine, 1)
        self.decode_fine = _Residual(fine)
        self.leave = _conv(fine, 4 * last)
        self.last = nn.Sequential(_conv(last + in_channels, last), nn.ReLU(), _conv(last, out_channels))
        for parameter in self.last[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        rows, columns = (int(length) for length in image.shape[2:])  # in a trace they are tensors
        missing = [0, -columns % _MULTIPLE, 0, -rows % _MULTIPLE]
        whole = F.pad(image, missing, mode="replicate") if any(missing) else image
        fine = self.encode_fine(self.enter(F.pixel_unshuffle(whole, 2)))
        middle = self.encode_middle(self.down_middle(fine))
        coarse = self.coarse(self.down_coarse(middle))
        middle = self.decode_middle(middle + _doubled(self.up_middle(coarse)))
        fine = self.decode_fine(fine + _doubled(self.up_fine(middle)))
        detail = F.pixel_shuffle(self.leave(fine), 2)
        return self.last(torch.cat([detail, whole], 1))[:, :, :rows, :columns]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner, self.outer = _conv(channels, channels), _conv(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.outer(F.relu(self.inner(F.relu(x))))


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

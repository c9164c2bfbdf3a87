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

"""What bounds a native model's SSIM: its scores if it were told what it has to guess."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from monai_r2c.inferers import RestorationInferer
from monai_r2c.metrics import ssim_at_scales
from monai_r2c.networks import NativeGenerator, load_restorer
from monai_r2c.networks.blocks import local_line
from monai_r2c.utils import InputError

from .cases import cases_of

BOUNDS = {
    "restored": "the native model",
    "thumbnail": "given the original's thumbnail",
    "line": "its result, after the line of gray values that brings it to the original's thumbnail",
    "coarse": "its result, with all that the original's thumbnail shows",
}


def bounds_of(bed: str, model: Path, data: Path, work: Path, most: int | None = None) -> dict[str, float]:
    """Mean SSIM at the images' own size of a bed, for each of `BOUNDS`.

    Raises:
        InputError: when the model is no native one, or the radiographs are not there.
    """
    network = load_restorer(model)[0].eval()
    if not isinstance(network, NativeGenerator):
        raise InputError(f"{model}: is a {type(network).__name__}; it must be a NativeGenerator.")
    found: list[list[float]] = []
    for case in cases_of(bed, data, work)[:most]:
        clean, poor = (image[None] for image in case.pair())
        restored = _restored(poor, network)
        thumbnails = [network.thumbnail_of(image) for image in (restored, clean)]
        slope, offset = (_enlarged(part, clean) for part in local_line(*thumbnails))
        coarse = restored + _enlarged(thumbnails[1] - thumbnails[0], clean)
        with _whole(network, _Told(2 * thumbnails[1] - 1)):
            told = _restored(poor, network)
        found.append([_ssim(image, clean) for image in (restored, told, slope * restored + offset, coarse)])
    return {name: round(float(value), 4) for name, value in zip(BOUNDS, np.mean(found, 0))}


class _Told(nn.Module):
    """A network of thumbnails that knows what to give."""

    def __init__(self, thumbnail: torch.Tensor) -> None:
        super().__init__()
        self.thumbnail, self.in_channels, self.spatial_dims = thumbnail, thumbnail.shape[1], 2

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.thumbnail, image.new_zeros(len(image), 2)


@contextmanager
def _whole(network: nn.Module, other: nn.Module) -> Iterator[None]:
    own, network.whole = network.whole, other
    try:
        yield
    finally:
        network.whole = own


@torch.no_grad()
def _restored(poor: torch.Tensor, network: nn.Module) -> torch.Tensor:
    restored: torch.Tensor = RestorationInferer(1, "native")(2 * poor - 1, network)[0]
    return ((restored.float() + 1) / 2).clamp(0, 1)


def _enlarged(thumbnail: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return F.interpolate(thumbnail, like.shape[2:], mode="bilinear")


def _ssim(image: torch.Tensor, clean: torch.Tensor) -> float:
    return float(ssim_at_scales(image, clean)[1])

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

import base64
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from monai_r2c.utils import InputError

WHITE = 65535


def read_pixels(path: Path, load: Callable[[Path], MetaTensor]) -> np.ndarray:
    """Read a radiograph as a display would show it, at full bit depth: uint16 ``(rows, columns)``, 0 black.

    With a `LoadRadiograph`, which minds windows and polarity, different gray levels of up to 16 bits stay different.
    """
    return np.rint(load(path).numpy()[0].astype(np.float64) * WHITE).astype(np.uint16)


def read_case(images: Sequence[Path], load: Callable[[Path], MetaTensor]) -> list[np.ndarray]:
    """Read the images of one case.

    Raises:
        InputError: when their sizes differ, since the size would tell which is which.
    """
    pixels = [read_pixels(path, load) for path in images]
    for path, image in zip(images, pixels):
        if image.shape != pixels[0].shape:
            (rows, columns), (wanted_rows, wanted_columns) = image.shape, pixels[0].shape
            raise InputError(
                f"{path}: has {rows} x {columns} pixels where {images[0]} has {wanted_rows} x {wanted_columns}; "
                "bring all images of a case to one size, the size would tell which is which"
            )
    return pixels


def spoil(pixels: np.ndarray, seed: int) -> np.ndarray:
    """Blur an image, take most of its contrast and add noise, so that any reader sees that it is worse."""
    values = gaussian_filter(pixels.astype(np.float64), max(1.5, max(pixels.shape) / 100))
    values = values.mean() + 0.4 * (values - values.mean())
    noise = np.random.default_rng(seed).normal(0, 0.06 * WHITE, pixels.shape)
    return np.clip(np.rint(values + noise), 0, WHITE).astype(np.uint16)


def pack(images: Sequence[np.ndarray]) -> list[bytes]:
    """Pack the images of one case so that all have one length, which tells nothing about them.

    Each is rows, columns and the number of compressed bytes (little-endian uint32), the bytes, and padding. What is
    compressed (zlib) is the difference of each pixel from its left neighbour modulo 2 ** 16, all low bytes before all
    high bytes.

    Args:
        images: uint16 ``(rows, columns)``.
    """
    packed = []
    for image in images:
        steps = np.diff(image, axis=1, prepend=np.uint16(0)).astype("<u2")
        planes = np.concatenate([(steps & 255).astype(np.uint8).ravel(), (steps >> 8).astype(np.uint8).ravel()])
        packed.append((image.shape, zlib.compress(planes.tobytes(), 6)))
    longest = max(len(data) for _, data in packed)
    return [struct.pack("<3I", *shape, len(data)) + data.ljust(longest, b"\0") for shape, data in packed]


def unpack(packed: bytes) -> np.ndarray:
    """Undo `pack` for one image."""
    rows, columns, length = struct.unpack_from("<3I", packed)
    planes = np.frombuffer(zlib.decompress(packed[12 : 12 + length]), np.uint8).reshape(2, rows, columns)
    steps = planes[0].astype(np.uint16) | planes[1].astype(np.uint16) << 8
    return np.add.accumulate(steps, axis=1, dtype=np.uint16)


def to_text(packed: bytes) -> str:
    """Base64, as the page holds it."""
    return base64.b64encode(packed).decode("ascii")

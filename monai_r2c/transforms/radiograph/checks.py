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

import re
from pathlib import Path

import numpy as np

from monai_r2c.utils import InputError

MAX_PIXELS = 2**26
"""Images above 64 Mi pixels (8192 x 8192) are refused before they are decoded; above 32 Mi of 64 bits."""

_ADDRESS = re.compile(r"\s*<[^<>]* at 0x[0-9a-fA-F]+>|\s* at 0x[0-9a-fA-F]+")


def check_size(path: Path, rows: int, columns: int, frames: int = 1, bits: int = 32) -> None:
    """Refuse by its header an image that is empty, has several frames, or is absurdly large.

    Raises:
        InputError: when a side is below 1, `frames` is not 1, or there are more than `MAX_PIXELS` pixels, or half as
            many of more than 32 `bits`.
    """
    if frames != 1:
        raise InputError(f"{path}: has {frames} frames; a radiograph has one.")
    if rows < 1 or columns < 1:
        raise InputError(f"{path}: is empty ({rows} x {columns} pixels).")
    most = MAX_PIXELS if bits <= 32 else MAX_PIXELS // 2
    if rows * columns > most:
        raise InputError(f"{path}: has {rows} x {columns} pixels; at most {most} in all are read.")


def check_values(path: Path, image: np.ndarray) -> None:
    """Refuse an image with values that are not finite, or with one value only.

    Raises:
        InputError: when a pixel is NaN or infinite, or all pixels are equal.
    """
    low, high = image.min(), image.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(f"{path}: has pixels that are NaN or infinite.")
    if low == high:
        raise InputError(f"{path}: all pixels have the same value ({low:g}).")


def corrupt(path: Path, error: BaseException) -> InputError:
    """The one-line error for a file that its decoder could not read."""
    return InputError(f"{path}: is truncated or corrupt ({reason_of(error)}).")


def reason_of(error: BaseException) -> str:
    """Kind and first reason of an error in one line, without the addresses of objects.

    Of pydicom's list of what each decoder said, the first is that of the decoder made for the format.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    listed = len(lines) > 1 and lines[0].endswith(":")
    reason = _ADDRESS.sub("", lines[listed]) if lines else ""
    return f"{type(error).__name__}: {shown(reason, 200)}" if reason else type(error).__name__


def shown(value: object, length: int = 40) -> str:
    """A value of a file's header for an error: short, and without what would break the line."""
    return str(value)[:length].encode("unicode_escape").decode("ascii")

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

from dataclasses import dataclass, field

import numpy as np

from .spacing import PixelSpacing


@dataclass(frozen=True)
class StoredImage:
    """One gray image as its file holds it.

    Args:
        values: ``(rows, columns)``.
        value_range: values that mean black and white; None where the file does not say.
        bits: stored for each pixel.
        spacing: of the pixels, as far as the file says.
        affine: ``(4, 4)``, from (row, column) to the world in mm; None where the file does not say.
        is_inverted: whether the lowest value is white; else black is the lowest.
        polarity: MONOCHROME1 where a DICOM file stores black as its highest value; `values` has 0 as black in any case.
    """

    values: np.ndarray
    value_range: tuple[float, float] | None
    bits: int
    spacing: PixelSpacing = field(default_factory=PixelSpacing)
    affine: np.ndarray | None = None
    is_inverted: bool = False
    polarity: str = "MONOCHROME2"


def full_range(values: np.ndarray) -> tuple[float, float] | None:
    """Return the range that 8 or 16 unsigned bits can store; None for values of another type."""
    return (0.0, float(np.iinfo(values.dtype).max)) if values.dtype in (np.uint8, np.uint16) else None

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
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset

from monai_r2c.utils import InputError

LEAST, MOST = 0.005, 10.0
"""Distances of pixels in mm that are believed: those of mammography detectors are 0.05, of reduced images some mm."""

_KEYWORDS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
_SQUARE = 0.01
STATED = "stated"


@dataclass(frozen=True)
class PixelSpacing:
    """Distance of neighbouring pixels.

    Args:
        values: (row, column) in mm; None where it is not known.
        source: where it stands: a DICOM keyword, ``header`` of another format, or ``stated``; empty where unknown.
        note: what is wrong with it, in a few words; empty where nothing is.
    """

    values: tuple[float, float] | None = None
    source: str = ""
    note: str = ""


def dicom_spacing(header: Dataset) -> PixelSpacing:
    """Return the spacing at the detector (ImagerPixelSpacing), where blur and noise arise, or else in the patient.

    Source: DICOM PS3.3 C.8.11.4 and 10.7.1.3.
    """
    notes = []
    for keyword in _KEYWORDS:
        try:
            value = header.get(keyword)
        except Exception:  # pydicom raises whatever a wrong value makes it hit
            notes.append(f"{keyword} is no number")
            continue
        if value is not None and str(value) != "":
            found = believed_spacing(value, keyword)
            if found.values is not None:
                return found
            notes.append(found.note)
    return PixelSpacing(note="; ".join(notes) or "no ImagerPixelSpacing or PixelSpacing")


def believed_spacing(value: Any, source: str) -> PixelSpacing:
    """Return what a file states, or why it is not believed; pixels that are not square are, with a note.

    Args:
        value: (row, column) in mm.
        source: see `PixelSpacing`.
    """
    try:
        rows, columns = (float(part) for part in value)
    except (TypeError, ValueError):
        return PixelSpacing(note=f"{source} is {str(value)[:40]!r} where it must be two numbers")
    shown = f"{rows:.4g} x {columns:.4g} mm"
    if not (LEAST <= rows <= MOST and LEAST <= columns <= MOST):  # NaN neither
        return PixelSpacing(note=f"{source} is {shown}, outside {LEAST:g} to {MOST:g} mm, and is not believed")
    is_square = abs(rows - columns) <= _SQUARE * max(rows, columns)
    note = "" if is_square else f"pixels are not square, the model sees them as if they were: {source} is {shown}"
    return PixelSpacing((rows, columns), source, note)


def stated_spacing(value: float | Sequence[float] | None, name: str = "spacing") -> PixelSpacing | None:
    """Return the spacing that somebody states; None where nobody does.

    Args:
        value: mm, one number or (row, column).
        name: of the argument, for the message.

    Raises:
        InputError: when it is neither, or outside `LEAST` to `MOST`.
    """
    if value is None:
        return None
    pair = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    numbers = [v for v in pair if isinstance(v, (int, float)) and not isinstance(v, bool) and LEAST <= v <= MOST]
    if len(pair) != 2 or len(numbers) != 2:
        raise InputError(
            f"{name}: must be the distance of pixels in mm, one number or (row, column) from {LEAST:g} to {MOST:g}, "
            f"got {value!r}."
        )
    return PixelSpacing((float(numbers[0]), float(numbers[1])), STATED)


def header_spacing(rows: float, columns: float) -> PixelSpacing:
    """Return the spacing of a format whose header always has one."""
    if not np.isfinite(rows * columns):
        return PixelSpacing(note="the header's spacing is no number")
    return believed_spacing((rows, columns), "header")

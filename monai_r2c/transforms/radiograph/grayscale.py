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

from pathlib import Path

import numpy as np
from pydicom import Dataset

from monai_r2c.utils import InputError

from .checks import shown


def presentation_table(dataset: Dataset, path: Path) -> np.ndarray:
    """Return what every stored value of a DICOM image looks like on a display, 0 being black.

    The steps are those of PS3.3: modality LUT or rescale (C.11.1), the first VOI LUT or else the first window with its
    function (C.11.2), scaling to [0, 1], and inversion for MONOCHROME1 (C.7.6.3.1.2). The range that becomes [0, 1] is
    that of the last step applied: the bits of a LUT's entries (where the descriptor says 16, those that its largest
    entry needs), the output of a window, or else all values that can be stored. PresentationLUTShape is not asked:
    where it exists it repeats the PhotometricInterpretation (C.8.11.3.1.2). Values of the pixel padding are black.

    Args:
        dataset: header of an image with at most 16 bits stored.
        path: its file, for the error.

    Returns:
        float32 of ``2 ** BitsStored`` values in [0, 1], from the lowest storable value upward (see `lowest_stored`).

    Raises:
        InputError: when a LUT or a window is not one.
    """
    bits = int(dataset.BitsStored)
    stored = lowest_stored(dataset) + np.arange(2**bits, dtype=np.int64)
    values, low, high = _modality(dataset, stored, path)
    lut = _first_item(dataset, "VOILUTSequence")
    if lut is not None:
        values, low, high = _look_up(lut, values, "VOILUTSequence", path)
    elif dataset.get("WindowCenter") is not None and dataset.get("WindowWidth") is not None:
        values, low, high = _window(dataset, values, path), 0.0, 1.0
    table = np.clip((values - low) / (high - low), 0.0, 1.0)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        table = 1.0 - table
    table[_is_padding(dataset, stored)] = 0.0
    return table.astype(np.float32)


def lowest_stored(dataset: Dataset) -> int:
    """Return the lowest value that a pixel of the image can store: 0, or negative for signed pixels."""
    return -(2 ** (int(dataset.BitsStored) - 1)) if dataset.PixelRepresentation == 1 else 0


def _modality(dataset: Dataset, stored: np.ndarray, path: Path) -> tuple[np.ndarray, float, float]:
    lut = _first_item(dataset, "ModalityLUTSequence")
    if lut is not None:
        return _look_up(lut, stored, "ModalityLUTSequence", path)
    slope, intercept = rescale(dataset, path)
    values = stored * slope + intercept
    return values, float(values.min()), float(values.max())


def rescale(dataset: Dataset, path: Path) -> tuple[float, float]:
    """Return RescaleSlope and RescaleIntercept, 1 and 0 where the header has none.

    Raises:
        InputError: when one of them is not finite, or the slope is 0.
    """
    slope = _number(dataset, "RescaleSlope", 1.0, path)
    if slope == 0:
        raise InputError(f"{path}: RescaleSlope is 0; it must be another number.")
    return slope, _number(dataset, "RescaleIntercept", 0.0, path)


def _look_up(item: Dataset, values: np.ndarray, name: str, path: Path) -> tuple[np.ndarray, float, float]:
    """PS3.3 C.11.1.1: values below the first mapped one take the first entry, those above the last one the last."""
    descriptor, data = item.get("LUTDescriptor"), item.get("LUTData")
    if descriptor is None or data is None or len(descriptor) != 3:
        raise InputError(f"{path}: {name} has no LUTDescriptor of three values or no LUTData.")
    count, first, bits = (int(value) for value in descriptor)
    count = count or 2**16
    if first > 2**15 - 1 and values.min() < 0:  # a negative number that the file calls unsigned
        first -= 2**16
    entries = _lut_entries(item, count)
    if len(entries) != count or not 8 <= bits <= 16:
        raise InputError(
            f"{path}: {name} says {count} entries of {bits} bits and holds {len(entries)}; bits must be 8 to 16."
        )
    if bits == 16:  # often the size of the words and not of the entries, which would show the image nearly black
        bits = max(int(entries.max()).bit_length(), 8)
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, count - 1)
    return entries[index].astype(np.float64), 0.0, float(2**bits - 1)


def _lut_entries(item: Dataset, count: int) -> np.ndarray:
    data = item.LUTData
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, dtype=np.int64))
    if len(data) < 2 * count:  # 8-bit entries packed into bytes
        return np.frombuffer(data, np.uint8, count=min(count, len(data)))
    big_endian = item.original_encoding[1] is False
    return np.frombuffer(data, ">u2" if big_endian else "<u2", count=count)


def _window(dataset: Dataset, values: np.ndarray, path: Path) -> np.ndarray:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, with an output range of 0 to 1."""
    center = _number(dataset, "WindowCenter", 0.0, path)
    width = _number(dataset, "WindowWidth", 0.0, path)
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if function == "LINEAR":
        if width < 1:
            raise InputError(f"{path}: WindowWidth is {width:g}; a LINEAR window needs at least 1.")
        center, width = center - 0.5, width - 1
    elif function not in ("LINEAR_EXACT", "SIGMOID"):
        raise InputError(f"{path}: VOILUTFunction is {shown(function)}; it must be LINEAR, LINEAR_EXACT or SIGMOID.")
    elif width <= 0:
        raise InputError(f"{path}: WindowWidth is {width:g}; a {function} window needs more than 0.")
    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700.0, 700.0)))
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0.0, 1.0)


def _is_padding(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Stored values from PixelPaddingValue to PixelPaddingRangeLimit (PS3.3 C.7.5.1.1.2)."""
    padding = dataset.get("PixelPaddingValue")
    if not isinstance(padding, int):
        return np.zeros(stored.shape, dtype=bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [padding, limit if isinstance(limit, int) else padding]
    if dataset.PixelRepresentation == 1:  # some writers give them as unsigned words
        sign = 1 << (int(dataset.BitsAllocated) - 1)
        ends = [end - 2 * sign if end >= sign else end for end in ends]
    low, high = sorted(ends)
    return (stored >= low) & (stored <= high)


def _first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    items = dataset.get(keyword)
    return items[0] if items else None


def _number(dataset: Dataset, keyword: str, default: float, path: Path) -> float:
    """First value of a decimal string, which may hold several."""
    value = dataset.get(keyword)
    if value is None:
        return default
    try:
        number = float(np.atleast_1d(value)[0])
    except (TypeError, ValueError, IndexError):
        number = float("nan")
    if not np.isfinite(number):
        raise InputError(f"{path}: {keyword} is {shown(value)}; it must be a number.")
    return number

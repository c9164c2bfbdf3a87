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
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from monai_r2c.utils import InputError

from .checks import check_size, corrupt, shown
from .stored import StoredImage, full_range

_GRAY_8 = ("L", "LA", "La", "P", "PA", "RGB", "RGBA")
_GRAY_16 = ("I;16", "I;16B", "I;16L", "I;16N")
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
SIGNED = 2
"""Value of the TIFF tag SampleFormat for signed integers."""


def read_raster(path: Path) -> StoredImage:
    """Read one gray image from a PNG, JPEG or TIFF file, turned as its orientation tag says.

    Colour images are accepted where all channels are equal, transparent ones where nothing is transparent. A TIFF
    file's BitsPerSample, SampleFormat and PhotometricInterpretation are obeyed: 12 bits have their own range, signed
    values stay signed, and where zero is white the image is inverted. Values are uint8, uint16, int8, int16 or float32.

    Raises:
        InputError: when the file has several frames, is coloured, transparent, of another depth or truncated.
    """
    try:
        # through a file object: Pillow maps uncompressed files into memory by name, and turns those wrongly
        with path.open("rb") as file, Image.open(file) as image:
            return _read(path, image)
    except InputError:
        raise
    except UnidentifiedImageError as error:  # its text names the file again
        raise InputError(_unidentified(path)) from error
    except Exception as error:  # decoders raise whatever a corrupt stream makes them hit
        raise corrupt(path, error) from error


def _read(path: Path, image: ImageFile) -> StoredImage:
    """Refuse by the header, then decode, turn upright and reduce to one gray channel."""
    check_size(path, image.height, image.width, getattr(image, "n_frames", 1))
    tags: Any = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    white_is_zero, is_signed = tags.get(PHOTOMETRIC) == 0, _first(tags.get(SAMPLE_FORMAT)) == SIGNED
    bits, raw_mode, mode = _first(tags.get(BITS_PER_SAMPLE)), _raw_mode(image), image.mode
    if mode in _GRAY_8 and "16" in raw_mode:
        raise InputError(f"{path}: has 16 bits in several channels, which cannot be read exactly; save it as gray.")
    is_16_bit = mode in _GRAY_16 or (mode == "I" and (image.format == "PNG" or raw_mode.startswith("I;16")))
    upright = ImageOps.exif_transpose(image)
    if mode == "F":
        return StoredImage(np.asarray(upright), None, bits=32, is_inverted=white_is_zero)
    if is_16_bit:
        values = np.asarray(upright).astype(np.int16 if is_signed else np.uint16)
        if bits == 12:
            return StoredImage(values, (0.0, 4095.0), bits=12)
        values = np.invert(values) if white_is_zero else values  # Pillow inverts 8 bits only
    elif mode in _GRAY_8:
        values = _gray(path, upright)
        values = values.view(np.int8) if is_signed and mode == "L" else values
    else:
        raise InputError(f"{path}: is of mode {mode}; it must be gray with 8, 12 or 16 bits, or 32-bit float (TIFF).")
    return StoredImage(values, full_range(values), bits=values.dtype.itemsize * 8)


def _gray(path: Path, image: Image.Image) -> np.ndarray:
    if image.mode == "L" and "transparency" not in image.info:
        return np.asarray(image)
    channels = np.asarray(image.convert("RGBA"))
    if (channels[..., 3] != 255).any():
        raise InputError(f"{path}: has transparent pixels; save it as opaque gray.")
    gray = channels[..., 0]
    if (gray != channels[..., 1]).any() or (gray != channels[..., 2]).any():
        raise InputError(f"{path}: is a colour image; a radiograph is gray.")
    return np.ascontiguousarray(gray)


def _raw_mode(image: ImageFile) -> str:
    """How the pixels are stored, in Pillow's words, such as "RGB;16B"."""
    if not image.tile:
        return ""
    arguments = image.tile[0][3]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _first(value: Any) -> Any:
    """A TIFF tag with a value for each sample comes as a tuple."""
    return value[0] if isinstance(value, tuple) and value else value


def _unidentified(path: Path) -> str:
    """What keeps Pillow from reading the file: a kind of TIFF that it does not know, or damage."""
    try:
        with path.open("rb") as file:
            header = file.read(8)
            header += file.read(8) if header[2:4] in (b"+\0", b"\0+") else b""
            tags: Any = ImageFileDirectory_v2(header)
            file.seek(tags.next)
            tags.load(file)
        names = {"BitsPerSample": BITS_PER_SAMPLE, "SampleFormat": SAMPLE_FORMAT, "Photometric": PHOTOMETRIC}
        found = ", ".join(f"{name} {shown(tags[tag])}" for name, tag in names.items() if tag in tags)
    except Exception:  # no TIFF file, or none with tags that can be read
        found = ""
    if not found:
        return f"{path}: is truncated or corrupt (no image can be found in it)."
    return f"{path}: is a TIFF of a kind that is not read ({found}); save it as gray with 8 or 16 bits."

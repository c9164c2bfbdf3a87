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
from monai.data import PILReader
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from monai_r2c.utils import InputError

from .checks import check_size, corrupt
from .stored import StoredImage, full_range

_GRAY_8 = ("L", "LA", "La", "P", "PA", "RGB", "RGBA")
_GRAY_16 = ("I;16", "I;16B", "I;16L", "I;16N")
_TIFF_PHOTOMETRIC = 262


def read_raster(path: Path) -> StoredImage:
    """Read one gray image from a PNG, JPEG or TIFF file, turned as its orientation tag says.

    Colour images are accepted where all channels are equal, transparent ones where nothing is transparent. A TIFF
    whose zero is white is inverted. Values are uint8, uint16 or float32.

    Raises:
        InputError: when the file has several frames, is coloured, transparent, of another depth or truncated.
    """
    reader = PILReader(converter=lambda image: _checked(path, image), reverse_indexing=False)
    try:
        image = reader.read(path)
        values, _ = reader.get_data(image)
    except InputError:
        raise
    except UnidentifiedImageError as error:  # its text names the file again
        raise InputError(f"{path}: is truncated or corrupt (no image can be found in it).") from error
    except Exception as error:  # decoders raise whatever a corrupt stream makes them hit
        raise corrupt(path, error) from error
    return StoredImage(values, full_range(values), bits=values.dtype.itemsize * 8)


def _checked(path: Path, image: ImageFile) -> Image.Image:
    """Refuse by the header, then decode, turn upright and reduce to one gray channel."""
    check_size(path, image.height, image.width, getattr(image, "n_frames", 1))
    raw_mode = _raw_mode(image)
    white_is_zero = isinstance(image, TiffImageFile) and image.tag_v2.get(_TIFF_PHOTOMETRIC) == 0
    if image.mode in _GRAY_8 and "16" in raw_mode:
        raise InputError(f"{path}: has 16 bits in several channels, which cannot be read exactly; save it as gray.")
    mode = image.mode
    is_16_bit = mode in _GRAY_16 or (mode == "I" and (image.format == "PNG" or raw_mode.startswith("I;16")))
    upright = ImageOps.exif_transpose(image)
    if is_16_bit:
        values = np.asarray(upright)
        if values.min() < 0:
            raise InputError(f"{path}: has signed 16-bit values; save it unsigned.")
        values = values.astype(np.uint16)
        return Image.fromarray(np.invert(values) if white_is_zero else values)  # Pillow inverts 8 bits only
    if mode == "F":
        return upright
    if mode in _GRAY_8:
        return _gray(path, upright)
    raise InputError(f"{path}: is of mode {mode}; it must be gray with 8 or 16 bits, or float (TIFF).")


def _gray(path: Path, image: Image.Image) -> Image.Image:
    if image.mode == "L" and "transparency" not in image.info:
        return image
    channels = np.asarray(image.convert("RGBA"))
    if (channels[..., 3] != 255).any():
        raise InputError(f"{path}: has transparent pixels; save it as opaque gray.")
    gray = channels[..., 0]
    if (gray != channels[..., 1]).any() or (gray != channels[..., 2]).any():
        raise InputError(f"{path}: is a colour image; a radiograph is gray.")
    return Image.fromarray(np.ascontiguousarray(gray))


def _raw_mode(image: ImageFile) -> str:
    """How the pixels are stored, in Pillow's words, such as "RGB;16B"."""
    if not image.tile:
        return ""
    arguments = image.tile[0][3]
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""

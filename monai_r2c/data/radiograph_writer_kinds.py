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

import itk
import nibabel
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from monai_r2c.transforms.radiograph.raster import SAMPLE_FORMAT, SIGNED

_PNG_LEVEL = 3  # of zlib: a third of the time of 6, for files that are up to a seventh larger
_JPEG_QUALITY = 95


def write_raster(values: np.ndarray, bits: int, source: Path, output: Path) -> None:
    """Write a PNG, TIFF or JPEG file as its source is, its resolution kept; black is stored as the lowest value.

    Args:
        values: ``(rows, columns)`` on the scale that is stored.
        bits: 8, 12 or 16 for integers, 32 for float (TIFF); 12 are written as 16, over their whole range.
        source: file that tells format and resolution.
        output: file to write.
    """
    with Image.open(source) as original:
        kind, resolution = original.format, original.info.get("dpi")
        tags: Any = original.tag_v2 if isinstance(original, TiffImageFile) else {}
        is_signed = bits < 32 and SIGNED in np.atleast_1d(tags.get(SAMPLE_FORMAT, 0))
    options: dict[str, Any] = {"quality": _JPEG_QUALITY} if kind in ("JPEG", "MPO") else {}
    if kind == "PNG":
        options["compress_level"] = _PNG_LEVEL
    if bits == 32:
        gray = Image.fromarray(values.astype(np.float32))
    elif bits == 12:
        gray = Image.fromarray(_rounded(values * (65535 / 4095), np.dtype(np.uint16)))
    elif is_signed:  # Pillow knows no signed images of few bits; a tag makes them of unsigned ones
        gray = Image.fromarray(_rounded(values, np.dtype(f"i{bits // 8}")).view(f"u{bits // 8}"))
        options["tiffinfo"] = {SAMPLE_FORMAT: SIGNED}
    else:
        gray = Image.fromarray(_rounded(values, np.dtype(f"u{bits // 8}")))
    if resolution:
        options["dpi"] = resolution
    gray.save(output, format="JPEG" if kind == "MPO" else kind, **options)


def write_nifti(values: np.ndarray, bits: int, source: Path, output: Path) -> None:
    """Write a NIfTI file with its source's header: affine, data type, slope and intercept.

    Args:
        values: ``(rows, columns)`` after slope and intercept.
        bits: not used, the header tells the type.
        source: file that tells the header.
        output: file to write, named .nii or .nii.gz.
    """
    original: Any = nibabel.load(source)
    dtype, slope, intercept = original.get_data_dtype(), original.dataobj.slope, original.dataobj.inter
    voxels = _rounded((values.T - intercept) / slope, dtype).reshape(original.shape)
    new = type(original)(voxels, original.affine, original.header)
    new.set_data_dtype(dtype)
    new.header.set_slope_inter(slope, intercept)
    nibabel.save(new, output)


def write_metaimage(values: np.ndarray, bits: int, source: Path, output: Path) -> None:
    """Write a MetaImage file with its source's type and geometry.

    Args:
        values: ``(rows, columns)``.
        bits: not used, the source tells the type.
        source: file that tells the rest.
        output: file to write, named .mha.
    """
    original = itk.imread(str(source))
    view = itk.array_view_from_image(original)
    new = itk.image_from_array(_rounded(values, view.dtype).reshape(view.shape))
    new.CopyInformation(original)
    itk.imwrite(new, str(output))


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """To the nearest value that the type can hold."""
    if dtype.kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)

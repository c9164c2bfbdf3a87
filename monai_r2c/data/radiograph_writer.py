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

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import PathLike
from monai.utils import ImageMetaKey

import monai_r2c
from monai_r2c.transforms.radiograph import LoadRadiograph, RadiographKeys, RadiographKind
from monai_r2c.transforms.radiograph.checks import reason_of
from monai_r2c.transforms.radiograph.dicom_header import read_dicom_header
from monai_r2c.utils import InputError
from monai_r2c.utils.files import replaced_at_once

from .dicom_derivation import derive_dicom, write_dicom
from .radiograph_writer_kinds import write_metaimage, write_nifti, write_raster


def write_radiograph(
    image: torch.Tensor | np.ndarray, source: Mapping[str, Any] | PathLike, output: PathLike, description: str = ""
) -> Path:
    """Write a processed radiograph as its source was: same kind of file, size, bit depth and polarity.

    Values are rounded to the nearest that can be stored. A DICOM source gives a new, derived DICOM image of the same
    patient and study (see `dicom_derivation.derive_dicom`); PNG, TIFF and JPEG become gray where they were gray in
    colour, and JPEG is compressed again with quality 95. NIfTI and MetaImage keep type, geometry and scaling. The file
    appears at once, complete or not at all.

    Args:
        image: ``(1, rows, columns)`` or ``(rows, columns)`` in [0, 1], 0 being black; what lies outside is clipped.
        source: meta data of `LoadRadiograph`, or the path of the source.
        output: the new file; its folder is made. NIfTI and MetaImage need the suffix of their kind.
        description: how the image was made, for DICOM; default "Restored by monai_r2c" with the version.

    Returns:
        The path of the new file.

    Raises:
        ValueError: when the image has another size than the source, or values that are not finite.
        InputError: when source and output are the same file, the source cannot be read, or has what cannot be written.
        OSError: when the file cannot be written.
    """
    meta = source if isinstance(source, Mapping) else LoadRadiograph(modalities=None)(source).meta
    path, output = Path(meta[ImageMetaKey.FILENAME_OR_OBJ]), Path(output)
    if output.exists() and path.exists() and output.samefile(path):
        raise InputError(f"{output}: is the source itself; write to another file.")
    with replaced_at_once(output) as partial:
        encode_radiograph(image, meta, partial, description)
    return output


def encode_radiograph(
    image: torch.Tensor | np.ndarray, meta: Mapping[str, Any], file: Path, description: str = ""
) -> None:
    """Write a processed radiograph to a file whose folder is there, not at once; else as `write_radiograph`.

    Raises:
        ValueError: as `write_radiograph`.
        InputError: when the source has elements that cannot be written.
        OSError: when the file cannot be written.
    """
    source = Path(meta[ImageMetaKey.FILENAME_OR_OBJ])
    values = _checked(image, tuple(int(length) for length in meta[RadiographKeys.ORIGINAL_SIZE]))
    kind = RadiographKind(meta[RadiographKeys.KIND])
    description = description or f"Restored by monai_r2c {monai_r2c.__version__}"
    black, white = (float(value) for value in meta[RadiographKeys.VALUE_RANGE])
    try:
        if kind == RadiographKind.DICOM:
            dataset = derive_dicom(read_dicom_header(source), values, description, monai_r2c.__version__, source)
            write_dicom(dataset, file)
        else:
            stored = black + values.astype(np.float64) * (white - black)
            _WRITERS[kind](stored, int(meta[RadiographKeys.BITS]), source, file)
    except (InputError, OSError):
        raise
    except Exception as error:  # libraries raise whatever a strange header makes them hit
        raise InputError(f"{source}: was read, but cannot be written back as {kind} ({reason_of(error)}).") from error


_WRITERS = {
    RadiographKind.PNG: write_raster,
    RadiographKind.TIFF: write_raster,
    RadiographKind.JPEG: write_raster,
    RadiographKind.NIFTI: write_nifti,
    RadiographKind.METAIMAGE: write_metaimage,
}


def _checked(image: torch.Tensor | np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    values = image.detach().cpu().float().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    if values.shape != size:
        raise ValueError(f"image must be {size} as its source, optionally with a leading 1, got {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError("image must be finite, got NaN or infinite values.")
    return np.clip(values, 0.0, 1.0)

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
from monai.data import ITKReader, NibabelReader

from monai_r2c.utils import InputError

from .checks import check_size, corrupt


def read_nifti(path: Path) -> tuple[np.ndarray, tuple[float, float], tuple[float, float] | None]:
    """Read one gray image from a NIfTI file, its second dimension as rows, in the file's order of voxels.

    Returns:
        Values ``(rows, columns)`` with the header's slope and intercept applied, (row, column) spacing in mm, and the
        display range (cal_min, cal_max) where the header has one.

    Raises:
        InputError: when the file holds more than one slice, is coloured or truncated.
    """
    reader = NibabelReader()
    try:
        image: Any = nibabel.load(path)
        shape, kind = image.shape, image.get_data_dtype().kind
        zooms = [abs(float(zoom)) for zoom in image.header.get_zooms()]
        calibration = float(image.header["cal_min"]), float(image.header["cal_max"])
        _check_volume(path, shape, kind in "iuf")
        values, _ = reader.get_data(reader.read(path))
    except InputError:
        raise
    except Exception as error:  # nibabel raises whatever a corrupt file makes it hit
        raise corrupt(path, error) from error
    values = values.reshape(shape[:2]).T
    return values, (zooms[1], zooms[0]), calibration if calibration[1] > calibration[0] else None


def read_metaimage(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """Read one gray image from a MetaImage file with its pixels inside (.mha).

    Returns:
        Values ``(rows, columns)`` and (row, column) spacing in mm.

    Raises:
        InputError: when the file holds more than one slice, is coloured or truncated, or its pixels are elsewhere.
    """
    try:
        header = itk.MetaImageIO.New(FileName=str(path))
        header.ReadImageInformation()
        shape = tuple(int(header.GetDimensions(axis)) for axis in range(header.GetNumberOfDimensions()))
        _check_volume(path, shape, header.GetNumberOfComponents() == 1)
        _check_local(path)
        reader = ITKReader(reverse_indexing=True)
        image = reader.read(path)
        values, _ = reader.get_data(image)
        columns, rows = (float(spacing) for spacing in tuple(image.GetSpacing())[:2])
    except InputError:
        raise
    except Exception as error:  # ITK raises RuntimeError for all it meets
        raise corrupt(path, error) from error
    return np.asarray(values).reshape(shape[1], shape[0]), (rows, columns)


def _check_volume(path: Path, shape: tuple[int, ...], is_gray: bool) -> None:
    if len(shape) < 2:
        raise InputError(f"{path}: has {len(shape)} dimension; an image has two.")
    check_size(path, shape[1], shape[0], int(np.prod(shape[2:], dtype=np.int64)))
    if not is_gray:
        raise InputError(f"{path}: has several channels or complex values; a radiograph is gray.")


def _check_local(path: Path) -> None:
    """The header ends with where the pixels are; a file name there would be read without a look at its size."""
    with path.open("rb") as file:
        for _ in range(200):
            key, _, value = file.readline(1000).partition(b"=")
            if key.strip() == b"ElementDataFile":
                if value.strip() in (b"LOCAL", b"Local", b"local"):
                    return
                break
    raise InputError(f"{path}: its pixels are not in the file itself; save it as one .mha file.")

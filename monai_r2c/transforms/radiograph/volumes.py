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
from .spacing import PixelSpacing, header_spacing
from .stored import StoredImage, full_range


def read_nifti(path: Path) -> StoredImage:
    """Read one gray image from a NIfTI file, its second dimension as rows, in the file's order of voxels.

    The header's slope and intercept are applied; its display range (cal_min, cal_max) is taken where it has one.

    Raises:
        InputError: when the file's name ends in neither .nii nor .nii.gz, or it holds more than one slice, is coloured
            or truncated.
    """
    _check_suffix(path, ".nii", ".nii.gz")
    reader = NibabelReader()
    try:
        image: Any = nibabel.load(path)
        shape, dtype = image.shape, image.get_data_dtype()
        zooms = [abs(float(zoom)) for zoom in image.header.get_zooms()]
        calibration = float(image.header["cal_min"]), float(image.header["cal_max"])
        bits = dtype.itemsize * 8
        _check_volume(path, shape, bits, dtype.kind in "iuf")
        values, _ = reader.get_data(reader.read(path))
    except InputError:
        raise
    except Exception as error:  # nibabel raises whatever a corrupt file makes it hit
        raise corrupt(path, error) from error
    value_range = calibration if calibration[1] > calibration[0] else full_range(values)
    spacing = header_spacing(zooms[1], zooms[0])
    return StoredImage(values.reshape(shape[:2]).T, value_range, bits, spacing, _plane_affine(image.affine, spacing))


def read_metaimage(path: Path) -> StoredImage:
    """Read one gray image from a MetaImage file with its pixels inside.

    Raises:
        InputError: when the file's name does not end in .mha, or it holds more than one slice, is coloured or
            truncated, or has its pixels elsewhere.
    """
    _check_suffix(path, ".mha")
    try:
        header = itk.MetaImageIO.New(FileName=str(path))
        header.ReadImageInformation()
        shape = tuple(int(header.GetDimensions(axis)) for axis in range(header.GetNumberOfDimensions()))
        _check_volume(path, shape, 8 * header.GetComponentSize(), header.GetNumberOfComponents() == 1)
        _check_local(path)
        reader = ITKReader(reverse_indexing=True)
        image = reader.read(path)
        view, _ = reader.get_data(image)
        values = view.reshape(shape[1], shape[0]).copy()  # the view ends with the image
        columns, rows = (float(spacing) for spacing in tuple(image.GetSpacing())[:2])
    except InputError:
        raise
    except Exception as error:  # ITK raises RuntimeError for all it meets
        raise corrupt(path, error) from error
    return StoredImage(values, full_range(values), values.dtype.itemsize * 8, header_spacing(rows, columns))


def _plane_affine(affine: np.ndarray, spacing: PixelSpacing) -> np.ndarray | None:
    """Return the affine with rows first, or None where the image does not lie in the plane of the first two axes."""
    of_rows_first = np.asarray(affine, dtype=np.float64)[:, [1, 0, 2, 3]]
    lengths = np.linalg.norm(of_rows_first[:2, :2], axis=0)
    if spacing.values is None or not np.allclose(lengths, spacing.values, rtol=1e-3):
        return None
    return of_rows_first


def _check_suffix(path: Path, *suffixes: str) -> None:
    """The libraries choose the format by the name."""
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"{path}: the name of a file of its content must end in {' or '.join(suffixes)}.")


def _check_volume(path: Path, shape: tuple[int, ...], bits: int, is_gray: bool) -> None:
    if len(shape) < 2:
        raise InputError(f"{path}: has {len(shape)} dimension; an image has two.")
    check_size(path, shape[1], shape[0], int(np.prod(shape[2:], dtype=np.int64)), bits)
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

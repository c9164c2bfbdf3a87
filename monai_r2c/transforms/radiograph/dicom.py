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

import io
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from monai.data import ITKReader, PydicomReader
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from monai_r2c.utils import InputError

from .checks import check_size, corrupt
from .codestream import codestream_size
from .formats import MAX_FILE_BYTES
from .grayscale import lowest_stored, presentation_table, rescale
from .stored import StoredImage

MODALITIES = ("CR", "DX", "RG")
"""Modalities that are radiographs: computed, digital and film-screen radiography."""

_META_START = 144  # preamble, DICM and the element that holds the length of the file meta information

_PIXEL_KEYWORDS = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)


def read_dicom_header(path: Path) -> Dataset:
    """Read everything before the pixels.

    Raises:
        InputError: when the file cannot be parsed.
    """
    try:
        _check_deflated(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # from memory: a corrupt length is then cut at the file's end instead of allocated
            return pydicom.dcmread(io.BytesIO(path.read_bytes()), stop_before_pixels=True)
    except InputError:
        raise
    except Exception as error:  # pydicom raises whatever its parsing hits
        raise corrupt(path, error) from error


def read_dicom(path: Path, reader: str, modalities: Sequence[str] | None) -> StoredImage:
    """Read one radiograph from a DICOM file as a display would show it: float32 in [0, 1], 0 being black.

    Args:
        path: the file.
        reader: "pydicom" or "itk", MONAI's reader that decodes the pixels. Both give the same image.
        modalities: those admitted, or None for any.

    Raises:
        InputError: when the file is no single gray frame of an admitted modality, or cannot be decoded.
    """
    header = read_dicom_header(path)
    try:
        _check_header(path, header, reader, modalities)
        table = presentation_table(header, path)
        stored = _stored_values(path, header, reader)
        if stored.shape != (header.Rows, header.Columns):
            raise InputError(
                f"{path}: decodes to {stored.shape} pixels where its header says {header.Rows} x {header.Columns}."
            )
        return StoredImage(
            values=table[stored - lowest_stored(header)],
            value_range=(0.0, 1.0),
            bits=int(header.BitsStored),
            spacing=_pixel_spacing(header),
            polarity=str(header.PhotometricInterpretation),
        )
    except InputError:
        raise
    except Exception as error:  # decoders raise whatever a corrupt stream makes them hit
        raise corrupt(path, error) from error


def _pixel_spacing(header: Dataset) -> tuple[float, float] | None:
    """Return (row, column) spacing in mm, in the patient or else at the detector; None where the header has none."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        value = header.get(keyword)
        if value and len(value) == 2 and all(np.isfinite(value)) and min(value) > 0:
            return float(value[0]), float(value[1])
    return None


def _check_deflated(path: Path) -> None:
    """A deflated file is inflated whole by pydicom, so its size is looked at first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    with path.open("rb") as file:
        file.seek(_META_START + meta.FileMetaInformationGroupLength)
        inflated = len(zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), MAX_FILE_BYTES + 1))
    if inflated > MAX_FILE_BYTES:
        raise InputError(f"{path}: inflates to more than {MAX_FILE_BYTES} bytes; at most that are read.")


def _check_header(path: Path, header: Dataset, reader: str, modalities: Sequence[str] | None) -> None:
    if header.get("Rows") is None or header.get("Columns") is None:
        kind = pydicom.uid.UID(str(header.get("SOPClassUID", ""))).name
        raise InputError(f"{path}: holds no image ({kind or 'no SOP class'}).")
    modality = header.get("Modality")
    if modalities is not None and modality not in modalities:
        raise InputError(
            f"{path}: has modality {modality or 'none'}; admitted are {', '.join(modalities)}, others by `modalities` "
            "(--modality)."
        )
    check_size(path, int(header.Rows), int(header.Columns), int(header.get("NumberOfFrames") or 1))
    photometric = header.get("PhotometricInterpretation")
    if header.get("SamplesPerPixel", 1) != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise InputError(f"{path}: is {photometric or 'of unknown colour'}; it must be MONOCHROME1 or MONOCHROME2.")
    allocated, stored, high = (header.get(key) for key in ("BitsAllocated", "BitsStored", "HighBit"))
    if allocated not in (8, 16) or stored is None or not 1 < stored <= allocated or high != stored - 1:
        raise InputError(
            f"{path}: has {allocated} bits allocated, {stored} stored and high bit {high}; it must be 8 or 16 bits "
            "allocated, with the stored ones lowest."
        )
    if header.get("PixelRepresentation") not in (0, 1):
        raise InputError(f"{path}: PixelRepresentation is {header.get('PixelRepresentation')}; it must be 0 or 1.")
    if reader == "itk" and header.PixelRepresentation == 1 and (allocated == 8 or photometric == "MONOCHROME1"):
        raise InputError(f"{path}: has signed pixels of a kind that ITK cannot read; use the reader 'pydicom'.")


def _stored_values(path: Path, header: Dataset, reader: str) -> np.ndarray:
    """Pixels as integers ``(rows, columns)`` before any grayscale transformation, from either reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # without the rescale attributes, the reader rescales nothing
        pydicom_reader = PydicomReader(swap_ij=False, specific_tags=list(_PIXEL_KEYWORDS))
        dataset = pydicom_reader.read(path)
        _check_pixels(path, dataset)
        if reader == "pydicom":
            return _sign_extended(pydicom_reader.get_data(dataset)[0], header)
        itk_reader = ITKReader(reverse_indexing=True)
        image = itk_reader.read(path)
        view, _ = itk_reader.get_data(image)
        values = view.reshape(view.shape[-2:]).copy()  # the view ends with the image
    slope, intercept = (1.0, 0.0) if "ModalityLUTSequence" in header else rescale(header, path)
    if (slope, intercept) != (1.0, 0.0):  # GDCM has rescaled
        values = np.rint((values - intercept) / slope).astype(np.int32)
    if header.PhotometricInterpretation == "MONOCHROME1":  # GDCM has inverted the stored values
        values = (2 ** int(header.BitsStored) - 1) + 2 * lowest_stored(header) - values.astype(np.int32)
    return _sign_extended(values, header)


def _check_pixels(path: Path, dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        raise InputError(f"{path}: holds no pixels, or is truncated before them.")
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        needed, length = int(dataset.Rows) * int(dataset.Columns) * dataset.BitsAllocated // 8, len(dataset.PixelData)
        if length < needed:
            raise InputError(f"{path}: is truncated: {length} of {needed} bytes of pixels are there.")
        return
    size = codestream_size(get_frame(dataset.PixelData, 0, number_of_frames=1))
    if size is not None and size != (dataset.Rows, dataset.Columns):
        raise InputError(
            f"{path}: its compressed stream is of {size[0]} x {size[1]} pixels where its header says "
            f"{dataset.Rows} x {dataset.Columns}."
        )


def _sign_extended(values: np.ndarray, header: Dataset) -> np.ndarray:
    """Drop what is in the bits above the stored ones, such as an overlay."""
    bits = int(header.BitsStored)
    low = lowest_stored(header)
    return ((values.astype(np.int32) - low) & (2**bits - 1)) + low

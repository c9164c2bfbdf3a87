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

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from monai.data import ITKReader
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from monai_r2c.utils import InputError

from .checks import corrupt, reason_of
from .codestream import codestream_size
from .dicom_header import check_dicom_header, complete_file_meta, read_dicom_header
from .grayscale import lowest_stored, presentation_table, rescale
from .spacing import dicom_spacing
from .stored import StoredImage

MODALITIES = ("CR", "DX", "RG")
"""Modalities that are radiographs: computed, digital and film-screen radiography."""

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


# what decodes a kind of stream strictly, where several can: the others fill up what a corrupt stream lacks
_STRICT = {
    **dict.fromkeys(JPEGLSTransferSyntaxes, "pyjpegls"),
    JPEGBaseline8Bit: "pillow",
    JPEGExtended12Bit: "pillow",  # of 8 bits
}
_ENDED = (*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes)
_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # markers of JPEG and JPEG-LS, which no entropy-coded byte can imitate


def read_dicom(path: Path, reader: str, modalities: Sequence[str] | None) -> StoredImage:
    """Read one radiograph from a DICOM file as a display would show it: float32 in [0, 1], 0 being black.

    Args:
        path: the file.
        reader: "pydicom" or "itk" (MONAI's), what decodes the pixels. Both give the same image.
        modalities: those admitted, or None for any.

    Raises:
        InputError: when the file is no single gray frame of an admitted modality, or cannot be decoded.
    """
    header = read_dicom_header(path)
    try:
        check_dicom_header(path, header, modalities)
        if reader == "itk" and header.PixelRepresentation == 1:
            _check_signed(path, header)
        table = presentation_table(header, path)
        stored = _stored_values(path, header, reader)
        if stored.shape != (header.Rows, header.Columns):
            raise InputError(
                f"{path}: decodes to {stored.shape} pixels where its header says {header.Rows} x {header.Columns}."
            )
        return StoredImage(
            values=table.take(stored - low if (low := lowest_stored(header)) else stored),
            value_range=(0.0, 1.0),
            bits=int(header.BitsStored),
            spacing=dicom_spacing(header),
            polarity=str(header.PhotometricInterpretation),
        )
    except InputError:
        raise
    except Exception as error:  # decoders raise whatever a corrupt stream makes them hit
        raise corrupt(path, error) from error


def _stored_values(path: Path, header: Dataset, reader: str) -> np.ndarray:
    """Pixels as integers ``(rows, columns)`` before any grayscale transformation, from either reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(path, force=True, specific_tags=list(_PIXEL_KEYWORDS))
        complete_file_meta(dataset)
        _check_pixels(path, dataset)
        if reader == "pydicom":
            return _sign_extended(_decoded(path, dataset), header)
        del dataset
        values = _itk_values(path)
    slope, intercept = (1.0, 0.0) if "ModalityLUTSequence" in header else rescale(header, path)
    if (slope, intercept) != (1.0, 0.0):  # GDCM has rescaled; undone block by block, for large images
        stored = np.empty(values.shape, dtype=np.int32)
        for rows in np.array_split(np.arange(len(values)), max(values.size // 2**22, 1)):
            stored[rows] = np.rint((values[rows] - intercept) / slope)
        values = stored
    if header.PhotometricInterpretation == "MONOCHROME1":  # GDCM has inverted the stored values
        values = (2 ** int(header.BitsStored) - 1) + 2 * lowest_stored(header) - values.astype(np.int32)
    return _sign_extended(values, header)


def _decoded(path: Path, dataset: Dataset) -> np.ndarray:
    """Pixels by pydicom itself: MONAI's reader around it writes them into its metadata as text first."""
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        plugin = "" if syntax == JPEGExtended12Bit and dataset.BitsStored > 8 else _STRICT.get(syntax, "")
        if plugin and plugin in get_decoder(syntax).available_plugins:
            dataset.pixel_array_options(decoding_plugin=plugin)
        return dataset.pixel_array
    except Exception as error:
        if not syntax.is_encapsulated:
            raise
        raise InputError(
            f"{path}: its pixels cannot be decoded by the reader pydicom ({reason_of(error)}); they are truncated or "
            "corrupt, or of a kind for the reader itk (--reader itk)."
        ) from error


def _itk_values(path: Path) -> np.ndarray:
    reader = ITKReader(reverse_indexing=True)
    image = reader.read(path)
    view, _ = reader.get_data(image)
    return view.reshape(view.shape[-2:]).copy()  # the view ends with the image


def _check_signed(path: Path, header: Dataset) -> None:
    if header.BitsAllocated == 8 or header.PhotometricInterpretation == "MONOCHROME1":
        raise InputError(f"{path}: has signed pixels of a kind that ITK cannot read; use the reader 'pydicom'.")


def _check_pixels(path: Path, dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        raise InputError(f"{path}: holds no pixels, or is truncated before them.")
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        needed, length = int(dataset.Rows) * int(dataset.Columns) * dataset.BitsAllocated // 8, len(dataset.PixelData)
        if length < needed:
            raise InputError(f"{path}: is truncated: {length} of {needed} bytes of pixels are there.")
        return
    stream = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if dataset.file_meta.TransferSyntaxUID in _ENDED and stream.rfind(_END) < stream.rfind(_SCAN):
        raise InputError(f"{path}: is truncated: its compressed stream has no end.")
    size = codestream_size(stream)
    if size is not None and size != (dataset.Rows, dataset.Columns):
        raise InputError(
            f"{path}: its compressed stream is of {size[0]} x {size[1]} pixels where its header says "
            f"{dataset.Rows} x {dataset.Columns}."
        )


def _sign_extended(values: np.ndarray, header: Dataset) -> np.ndarray:
    """Drop what is in the bits above the stored ones, such as an overlay."""
    bits = int(header.BitsStored)
    low = lowest_stored(header)
    if low == 0 and values.dtype.kind == "u":
        return values if values.dtype.itemsize * 8 == bits else values & values.dtype.type(2**bits - 1)
    return ((values.astype(np.int32) - low) & (2**bits - 1)) + low

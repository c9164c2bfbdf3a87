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

import struct
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


def ramp(bits: int, rows: int = 40, columns: int = 36) -> np.ndarray:
    """Values from 0 to the highest of `bits`, rising along columns, then rows."""
    values = np.linspace(0, 2**bits - 1, rows * columns).round()
    return values.reshape(rows, columns).astype(np.uint8 if bits <= 8 else np.uint16)


def dicom_dataset(pixels: np.ndarray, bits: int = 12, **attributes: Any) -> Dataset:
    """A small DX image; attributes set to None are left out."""
    dataset = Dataset()
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientID, dataset.Modality = "P1", "DX"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 8 if bits <= 8 else 16
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    words = pixels.astype(f"<{pixels.dtype.kind}{dataset.BitsAllocated // 8}").tobytes()
    dataset.add_new("PixelData", "OW", words + b"\0" * (len(words) % 2))
    for keyword, value in attributes.items():
        if value is not None:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    return dataset


def write_dicom_file(
    path: Path, pixels: np.ndarray, bits: int = 12, syntax: UID = ExplicitVRLittleEndian, **attributes: Any
) -> Path:
    dataset = dicom_dataset(pixels, bits, **attributes)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if syntax.is_encapsulated:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def lut_item(entries: np.ndarray, first: int, bits: int) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 2**16, first, bits]
    item.add_new("LUTData", "OW", np.asarray(entries).astype("<u2").tobytes())
    return item


def write_tiff_file(
    path: Path,
    values: np.ndarray,
    *,
    bits: int | None = None,
    photometric: int = 1,
    orientation: int = 1,
    order: str = "<",
    big: bool = False,
) -> Path:
    """An uncompressed gray TIFF or BigTIFF file; 12 bits are packed, SampleFormat is that of the values."""
    rows, columns = values.shape
    bits = bits or 8 * values.dtype.itemsize
    if bits == 12:
        lines = ("".join(f"{value:012b}" for value in row) for row in values)
        data = b"".join(
            int(line.ljust(-(-len(line) // 8) * 8, "0"), 2).to_bytes(-(-len(line) // 8), "big") for line in lines
        )
    else:
        data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    sample_format = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    shorts = {258: bits, 259: 1, 262: photometric, 274: orientation, 277: 1, 339: sample_format}
    longs = {256: columns, 257: rows, 273: 0, 278: rows, 279: len(data)}
    tags = sorted(
        [(tag, 3, value) for tag, value in shorts.items()] + [(tag, 4, value) for tag, value in longs.items()]
    )
    count, offset, width = ("Q", "Q", 8) if big else ("H", "I", 4)
    header = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    header = (b"II" if order == "<" else b"MM") + header
    start = len(header) + struct.calcsize(order + count) + len(tags) * (4 + 2 * width) + width
    directory = struct.pack(order + count, len(tags))
    for tag, kind, value in tags:
        field = struct.pack(order + ("H" if kind == 3 else "I"), start if tag == 273 else value)
        directory += struct.pack(order + "HH" + offset, tag, kind, 1) + field.ljust(width, b"\0")
    path.write_bytes(header + directory + bytes(width) + data)
    return path

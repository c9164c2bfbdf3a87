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

import pydicom
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from monai_r2c.utils import InputError, find_input_error

from .checks import check_size, corrupt, shown
from .formats import MAX_FILE_BYTES, has_preamble

_META_START = 144  # preamble, DICM and the element that holds the length of the file meta information
# a few bytes of an element or an item cost pydicom many microseconds and kilobytes; radiographs have some hundreds
_MAX_READS, _MAX_ITEMS = 2**18, 2**16
_ITEM = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_PIXEL_GROUP = 0x7FE0


def read_dicom_header(path: Path) -> Dataset:
    """Read everything before the pixels.

    Raises:
        InputError: when the file cannot be parsed.
    """
    try:
        content = path.read_bytes()
        inflated = _inflated(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if inflated is not None:  # pydicom would inflate it into a stream of its own
                read = _Bounded(path, inflated)
                read_dataset(read, False, True, stop_when=lambda tag, *_: tag.group >= _PIXEL_GROUP)
                read.check_items()
            # from memory: a corrupt length is then cut at the file's end instead of allocated
            read = _Bounded(path, content)
            header = pydicom.dcmread(read, stop_before_pixels=True, force=True)
            read.check_items()  # before any of them is made of the bytes that the header holds
        complete_file_meta(header)
        return header
    except InputError:
        raise
    except Exception as error:  # pydicom raises whatever its parsing hits, in place of what its stream refuses, too
        refused = find_input_error(error)
        raise (InputError(refused) if refused else corrupt(path, error)) from error


def complete_file_meta(dataset: Dataset) -> None:
    """Give a data set that came without file meta information, as older files do, the transfer syntax it was read in.

    Pixels of such files are never compressed.
    """
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        is_implicit, is_little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit


def check_dicom_header(path: Path, header: Dataset, modalities: Sequence[str] | None) -> None:
    """Refuse by its header what is not one gray frame of an admitted modality.

    Raises:
        InputError: when the header tells of no image, another modality than `modalities` (None admits any), several
            frames, colour, an absurd size, pixels of more than 16 bits, or raw ones.
    """
    if header.get("Rows") is None or header.get("Columns") is None:
        kind = UID(str(header.get("SOPClassUID", ""))).name
        raise InputError(f"{path}: holds no image ({shown(kind) or 'no SOP class'}).")
    modality = header.get("Modality")
    if modalities is not None and modality not in modalities:
        raise InputError(
            f"{path}: has modality {shown(modality or 'none')}; admitted are {', '.join(modalities)}, others by "
            "`modalities` (--modality)."
        )
    check_size(path, int(header.Rows), int(header.Columns), int(header.get("NumberOfFrames") or 1))
    if header.get("SamplesPerPixel", 1) != 1:
        raise InputError(f"{path}: has {shown(header.SamplesPerPixel)} samples a pixel; a radiograph has one.")
    photometric = header.get("PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise InputError(
            f"{path}: PhotometricInterpretation is {shown(photometric)}; it must be MONOCHROME1 or MONOCHROME2."
        )
    if header.get("PresentationIntentType") == "FOR PROCESSING":
        raise InputError(
            f"{path}: is a raw image (PresentationIntentType FOR PROCESSING), which no display shows; give the image "
            "FOR PRESENTATION that was made of it."
        )
    _check_bits(path, header)


def _check_bits(path: Path, header: Dataset) -> None:
    allocated, stored, high = (header.get(key) for key in ("BitsAllocated", "BitsStored", "HighBit"))
    if allocated not in (8, 16) or stored is None or not 1 < stored <= allocated or high != stored - 1:
        raise InputError(
            f"{path}: has {shown(allocated)} bits allocated, {shown(stored)} stored and high bit {shown(high)}; it "
            "must be 8 or 16 bits allocated, with the stored ones lowest."
        )
    if header.get("PixelRepresentation") not in (0, 1):
        found = shown(header.get("PixelRepresentation"))
        raise InputError(f"{path}: PixelRepresentation is {found}; it must be 0 or 1.")


class _Bounded(io.BytesIO):
    """A file in memory of which no more than a header's number of pieces is read."""

    def __init__(self, path: Path, content: bytes) -> None:
        super().__init__(content)
        self._path, self._content, self._reads, self._items = path, content, 0, 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > _MAX_READS:
            raise InputError(
                f"{self._path}: has a header of more than {_MAX_READS} pieces; at most that many are read."
            )
        piece = super().read(size)
        if piece.startswith(_ITEM):
            self._count(1)
        return piece

    def check_items(self) -> None:
        """Refuse too many items in what was read: pydicom makes those of sequences with a length when it is asked."""
        self._items = 0
        self._count(sum(self._content.count(item, 0, self.tell()) for item in _ITEM))

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > _MAX_ITEMS:
            raise InputError(
                f"{self._path}: has more than {_MAX_ITEMS} items of sequences; at most that many are read."
            )


def _inflated(path: Path) -> bytes | None:
    """The data set of a deflated file, of which at most as much is inflated as may be read; None of another."""
    if not has_preamble(path):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return None
    with path.open("rb") as file:
        file.seek(_META_START + meta.FileMetaInformationGroupLength)
        inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(), MAX_FILE_BYTES + 1)
    if len(inflated) > MAX_FILE_BYTES:
        raise InputError(f"{path}: inflates to more than {MAX_FILE_BYTES} bytes; at most that are read.")
    return inflated

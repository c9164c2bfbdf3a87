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

import stat
import struct
import zlib
from pathlib import Path

from monai.utils.enums import StrEnum

from monai_r2c.utils import InputError

MAX_FILE_BYTES = 2**28
"""Files above 256 MiB are refused unread."""

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (128, b"DICM", "dicom"),  # first: its preamble may carry another format's signature
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"II+\x00", "tiff"),  # BigTIFF
    (0, b"MM\x00+", "tiff"),
    (344, b"n+1\x00", "nifti"),
    (0, b"ObjectType = Image", "metaimage"),
    (0, b"NDims = ", "metaimage"),
)
_LEADING_BYTES = 348
_GZIP = b"\x1f\x8b"
_GZIP_READ = 4096  # of a compressed file; enough for the first bytes within

# value representations of the elements with which a data set begins, and how long those elements are at most
_EARLY_VRS = {b"CS", b"DA", b"LO", b"OB", b"SH", b"TM", b"UI", b"UL", b"DT", b"US", b"PN", b"ST", b"AT"}
_LONGEST_EARLY = 256


class RadiographKind(StrEnum):
    """The file formats that are read, named by what the file holds and not by its suffix."""

    PNG = "png"
    TIFF = "tiff"
    JPEG = "jpeg"
    DICOM = "dicom"
    NIFTI = "nifti"
    METAIMAGE = "metaimage"


def find_kind(path: Path) -> RadiographKind | None:
    """Return the format that the first bytes of a file tell, or None where they tell none that is read.

    DICOM files without preamble are told by the elements with which they begin; a gzip file is NIfTI when its name or
    its content says so. Raises `OSError` when the file cannot be read.
    """
    with path.open("rb") as file:
        leading = file.read(max(_LEADING_BYTES, _GZIP_READ))
    if leading.startswith(_GZIP):
        is_nifti = path.name.lower().endswith(".nii.gz") or _inflated(leading)[344:348] == b"n+1\x00"
        return RadiographKind.NIFTI if is_nifti else None
    for offset, signature, kind in _SIGNATURES:
        if leading[offset : offset + len(signature)] == signature:
            return RadiographKind(kind)
    return RadiographKind.DICOM if _begins_as_data_set(leading) else None


def has_preamble(path: Path) -> bool:
    """Whether a DICOM file begins as PS3.10 asks, and not with its data set as older ones do."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _inflated(leading: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(leading, _LEADING_BYTES)
    except zlib.error:
        return b""


def _begins_as_data_set(leading: bytes) -> bool:
    """Whether the first three elements are short, rise, and are of the identifying or the meta group."""
    for order in "<>":
        position, previous, count = 0, (0, -1), 0
        while position + 12 <= len(leading) and count < 3:
            tag = struct.unpack_from(order + "HH", leading, position)
            vr = leading[position + 4 : position + 6]
            if vr == b"OB":
                length, position = struct.unpack_from(order + "I", leading, position + 8)[0], position + 12
            elif vr in _EARLY_VRS:
                length, position = struct.unpack_from(order + "H", leading, position + 6)[0], position + 8
            else:
                length, position = struct.unpack_from(order + "I", leading, position + 4)[0], position + 8
            if tag[0] not in (0x0002, 0x0008) or tag <= previous or length > _LONGEST_EARLY:
                break
            position, previous, count = position + length, tag, count + 1
        if count == 3:
            return True
    return False


def require_kind(path: Path) -> RadiographKind:
    """Return the format of a file that is there, has a sane size and is one of those read.

    Raises:
        InputError: when the file is missing, a folder, unreadable, empty, above `MAX_FILE_BYTES` or of another format.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give one image file.")
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is no regular file; give an image file.")
        size = status.st_size
        if size == 0:
            raise InputError(f"{path}: the file is empty.")
        if size > MAX_FILE_BYTES:
            raise InputError(f"{path}: the file has {size} bytes; at most {MAX_FILE_BYTES} are read.")
        kind = find_kind(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read ({error}).") from error
    if kind is None:
        raise InputError(f"{path}: is no PNG, TIFF, JPEG, DICOM, NIfTI (.nii, .nii.gz) or MetaImage (.mha) file.")
    return kind

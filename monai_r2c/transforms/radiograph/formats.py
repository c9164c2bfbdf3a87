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
    (0, b"\x1f\x8b", "nifti"),
    (344, b"n+1\x00", "nifti"),
    (0, b"ObjectType = Image", "metaimage"),
    (0, b"NDims = ", "metaimage"),
)
_LEADING_BYTES = 348


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

    A gzip file counts as NIfTI. Raises `OSError` when the file cannot be read.
    """
    with path.open("rb") as file:
        leading = file.read(_LEADING_BYTES)
    for offset, signature, kind in _SIGNATURES:
        if leading[offset : offset + len(signature)] == signature:
            return RadiographKind(kind)
    return None


def require_kind(path: Path) -> RadiographKind:
    """Return the format of a file that is there, has a sane size and is one of those read.

    Raises:
        InputError: when the file is missing, a folder, unreadable, empty, above `MAX_FILE_BYTES` or of another format.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give one image file.")
        size = path.stat().st_size
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

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

_JPEG_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # F7 is that of JPEG-LS
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Return (rows, columns) that the header of a JPEG, JPEG-LS or JPEG 2000 stream states, without decoding it.

    A decoder allocates by this header, whatever the DICOM attributes say. None where the header tells no size.
    """
    if stream.startswith(b"\xff\x4f\xff\x51"):
        return _jpeg_2000_size(stream)
    if stream.startswith(b"\x00\x00\x00\x0cjP"):  # a JP2 file around the stream
        start = stream.find(b"\xff\x4f\xff\x51")
        return _jpeg_2000_size(stream[start:]) if start >= 0 else None
    if stream.startswith(b"\xff\xd8"):
        return _jpeg_size(stream)
    return None


def _jpeg_2000_size(stream: bytes) -> tuple[int, int] | None:
    if len(stream) < 24:
        return None
    right, bottom, left, top = struct.unpack(">4I", stream[8:24])
    return bottom - top, right - left


def _jpeg_size(stream: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 <= len(stream):
        if stream[position] != 0xFF:
            return None
        marker = stream[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            position += 2
        elif marker in _JPEG_START_OF_FRAME:
            rows, columns = struct.unpack(">2H", stream[position + 5 : position + 9])
            return rows, columns
        else:
            position += 2 + struct.unpack(">H", stream[position + 2 : position + 4])[0]
    return None

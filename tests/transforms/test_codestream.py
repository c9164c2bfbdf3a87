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
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.encaps import get_frame
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless
from radiograph_files import ramp, write_dicom_file

from monai_r2c.transforms.radiograph.codestream import codestream_size


@pytest.mark.parametrize(
    ("syntax", "size"), [(JPEGLSLossless, (40, 36)), (JPEG2000Lossless, (40, 36)), (RLELossless, None)]
)
def test_the_size_of_a_dicom_frame_is_read_from_its_stream(
    tmp_path: Path, syntax: UID, size: tuple[int, int] | None
) -> None:
    dataset = pydicom.dcmread(write_dicom_file(tmp_path / "x.dcm", ramp(12), syntax=syntax))
    assert codestream_size(get_frame(dataset.PixelData, 0, number_of_frames=1)) == size


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"\xff\xc0" * 9}])
def test_the_size_of_a_jpeg_is_that_of_its_frame_header(options: dict) -> None:
    stream = io.BytesIO()
    Image.new("L", (50, 60)).save(stream, "JPEG", **options)
    assert codestream_size(stream.getvalue()) == (60, 50)


@pytest.mark.parametrize("stream", [b"", b"\xff\xd8", b"\xff\x4f\xff\x51\0\0", b"\xff\xd8\xff\xe0\0\0" * 3, b"abc" * 9])
def test_no_size_where_the_stream_tells_none(stream: bytes) -> None:
    assert codestream_size(stream) is None

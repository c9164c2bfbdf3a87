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
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    RTPlanStorage,
)
from radiograph_files import dicom_dataset, lut_item, ramp, write_dicom_file

from monai_r2c.transforms import LoadRadiograph
from monai_r2c.transforms.radiograph import dicom_header
from monai_r2c.transforms.radiograph.checks import MAX_PIXELS
from monai_r2c.utils import InputError


def refusal(path: Path, **options: Any) -> str:
    """The one line that says why a file is refused, after the file's name."""
    with pytest.raises(InputError) as error:
        LoadRadiograph(**options)(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "x.png")
    assert "is a folder" in refusal(tmp_path)


def test_empty_file_and_other_formats_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    assert "empty" in refusal(tmp_path / "x.png")
    (tmp_path / "x.png").write_text("a,b\n1,2\n")
    assert "is no PNG, TIFF, JPEG, DICOM" in refusal(tmp_path / "x.png")


def test_a_file_of_absurd_size_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "x.png").open("wb") as file:
        file.truncate(2**28 + 1)  # sparse
    assert "at most 268435456 are read" in refusal(tmp_path / "x.png")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Modality": "CT"}, "has modality CT; admitted are CR, DX, RG"),
        ({"Modality": None}, "has modality none"),
        ({"Rows": None, "SOPClassUID": RTPlanStorage}, "holds no image (RT Plan Storage)"),
        ({"NumberOfFrames": 2}, "has 2 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "is PALETTE COLOR; it must be MONOCHROME1"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "has 3 samples a pixel"),
        ({"Rows": 0}, "is empty"),
        ({"PixelData": None}, "holds no pixels"),
        ({"Rows": 41}, "is truncated: 2880 of 2952 bytes"),
        ({"HighBit": 15}, "high bit 15"),
        ({"BitsAllocated": 32}, "has 32 bits allocated"),
        ({"PixelRepresentation": 7}, "PixelRepresentation is 7"),
        ({"WindowCenter": 100, "WindowWidth": 0}, "a LINEAR window needs at least 1"),
        ({"WindowCenter": 100, "WindowWidth": 0, "VOILUTFunction": "SIGMOID"}, "a SIGMOID window needs more than 0"),
        ({"WindowCenter": 100, "WindowWidth": 9, "VOILUTFunction": "GAMMA"}, "must be LINEAR, LINEAR_EXACT or SIGMOID"),
        ({"WindowCenter": 9000, "WindowWidth": 10}, "all pixels have the same value"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope is 0"),
        ({"VOILUTSequence": [Dataset()]}, "has no LUTDescriptor"),
        ({"VOILUTSequence": [lut_item(np.arange(9), 0, 40)]}, "bits must be 8 to 16"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_dicom_refusals_say_why(tmp_path: Path, attributes: dict, reason: str) -> None:
    assert reason in refusal(write_dicom_file(tmp_path / "x.dcm", ramp(12), **attributes))


@pytest.mark.parametrize("modalities", [["CT"], None])
def test_another_modality_is_admitted_by_an_option(tmp_path: Path, modalities: list[str] | None) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), Modality="CT")
    assert LoadRadiograph(modalities=modalities)(path).shape == (1, 40, 36)


@pytest.mark.parametrize("reader", ["pydicom", "itk"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_dicom_is_refused(tmp_path: Path, reader: str, share: float) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), syntax=JPEG2000Lossless)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert refusal(path, reader=reader)


def write_stream(path: Path, stream: bytes, syntax: UID) -> Path:
    dataset = dicom_dataset(ramp(8), 8)
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].is_undefined_length = True
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def jpeg(size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    Image.fromarray(values).save(stream, "JPEG")
    return stream.getvalue()


def jpeg_ls() -> bytes:
    dataset = dicom_dataset(np.random.default_rng(0).integers(0, 256, (40, 36), dtype=np.uint8), 8)
    dataset.ensure_file_meta()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    return get_frame(dataset.PixelData, 0, number_of_frames=1).rstrip(b"\0")


@pytest.mark.parametrize(
    ("stream", "syntax", "end"),
    [
        (jpeg((40, 36)), JPEGBaseline8Bit, b""),
        (jpeg_ls(), JPEGLSLossless, b""),
        (jpeg_ls(), JPEGLSLossless, b"\xff\xd9"),
    ],
)
def test_a_compressed_stream_that_lacks_some_is_refused_in_a_well_formed_file(
    tmp_path: Path, stream: bytes, syntax: UID, end: bytes
) -> None:
    assert LoadRadiograph()(write_stream(tmp_path / "x.dcm", stream + b"\0", syntax)).shape == (1, 40, 36)
    for share in (0.97, 0.7):
        cut = write_stream(tmp_path / "x.dcm", stream[: int(share * len(stream))] + end, syntax)
        assert "truncated" in refusal(cut)


def test_raw_images_are_refused(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), PresentationIntentType="FOR PROCESSING")
    assert "is a raw image" in refusal(path)


def test_a_compressed_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = write_stream(tmp_path / "x.dcm", jpeg((60, 50)), JPEGBaseline8Bit)
    assert "stream is of 60 x 50 pixels where its header says 40 x 36" in refusal(path)


@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        # an element without value; an item of a sequence without length, which pydicom reads at once
        (b"\x09\x00\x10\x00LO\0\0" * 2**12, "pieces"),
        (b"\x08\x00\x12\x21SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\0\0\0\0" * 2**12, "items of sequences"),
    ],
    ids=["elements", "items"],
)
def test_a_small_file_of_endless_pieces_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: UID, pieces: bytes, reason: str
) -> None:
    monkeypatch.setattr(dicom_header, "_MAX_READS", 2**12)
    monkeypatch.setattr(dicom_header, "_MAX_ITEMS", 2**10)
    path = write_dicom_file(tmp_path / "x", ramp(12), syntax=syntax)
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    if syntax == RLELossless:
        path.write_bytes(content[:start] + pieces + content[start:])
    else:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        inflated = pieces + zlib.decompress(content[start:], -zlib.MAX_WBITS)
        path.write_bytes(content[:start] + deflate.compress(inflated) + deflate.flush())
    assert reason in refusal(path)


def test_colour_is_refused(tmp_path: Path) -> None:
    pixels = np.stack([ramp(8)] * 3, axis=-1)
    pixels[3, 3, 0] ^= 1
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert "colour" in refusal(tmp_path / "x.png")


def test_transparency_is_refused(tmp_path: Path) -> None:
    pixels = np.stack([ramp(8)] * 4, axis=-1)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert "transparent" in refusal(tmp_path / "x.png")


def test_one_bit_is_refused(tmp_path: Path) -> None:
    Image.fromarray(ramp(8)).convert("1").save(tmp_path / "x.png")
    assert "is of mode 1" in refusal(tmp_path / "x.png")


def test_16_bit_colour_is_refused_instead_of_halved(tmp_path: Path) -> None:
    # Pillow reads 16-bit RGB as 8 bits and cannot write it, so the file is made by hand
    header = struct.pack(">2I5B", 2, 1, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + bytes(range(12)))), (b"IEND", b"")]
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    assert "16 bits in several channels" in refusal(tmp_path / "x.png")


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    header = struct.pack(">2I5B", 60000, 60000, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    assert refusal(tmp_path / "x.png")
    rows = MAX_PIXELS // 2**15 + 1
    path = write_dicom_file(tmp_path / "x.dcm", ramp(8), 8, Rows=rows, Columns=2**15)
    assert f"has {rows} x 32768 pixels; at most {MAX_PIXELS}" in refusal(path)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_several_frames_are_refused(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(ramp(8)), Image.fromarray(255 - ramp(8))]
    kind = "MPO" if suffix == "jpg" else None
    frames[0].save(tmp_path / f"x.{suffix}", format=kind, save_all=True, append_images=frames[1:])
    assert "has 2 frames" in refusal(tmp_path / f"x.{suffix}")


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_truncated_pictures_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    assert "truncated" in refusal(path)


@pytest.mark.parametrize("bits", [8, 16])
def test_constant_pixels_are_refused(tmp_path: Path, bits: int) -> None:
    Image.fromarray(np.full_like(ramp(bits), 7)).save(tmp_path / "x.png")
    assert "all pixels have the same value (7)" in refusal(tmp_path / "x.png")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    Image.fromarray(np.array([[0, 0.5, value]], dtype=np.float32)).save(tmp_path / "x.tif")
    assert "NaN or infinite" in refusal(tmp_path / "x.tif")


@pytest.mark.parametrize("shape", [(5, 5, 2), (5, 5, 1, 3)])
def test_volumes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros(shape, dtype=np.int16), np.eye(4)), tmp_path / "x.nii")
    assert f"has {shape[2:][-1]} frames" in refusal(tmp_path / "x.nii")


def test_a_nifti_named_otherwise_is_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(ramp(8), np.eye(4)), tmp_path / "x.nii")
    (tmp_path / "x.nii").rename(tmp_path / "x.img")
    assert "must end in .nii or .nii.gz" in refusal(tmp_path / "x.img")


def test_a_metaimage_with_its_pixels_elsewhere_is_refused(tmp_path: Path) -> None:
    itk.imwrite(itk.image_from_array(ramp(8)), str(tmp_path / "x.mhd"))
    (tmp_path / "x.mhd").rename(tmp_path / "x.mha")
    assert "not in the file itself" in refusal(tmp_path / "x.mha")


def test_signed_monochrome1_is_left_to_pydicom(tmp_path: Path) -> None:
    pixels = np.array([[-5, 0, 5]], dtype=np.int16)
    path = write_dicom_file(tmp_path / "x.dcm", pixels, PhotometricInterpretation="MONOCHROME1")
    assert "use the reader 'pydicom'" in refusal(path, reader="itk")
    assert LoadRadiograph("pydicom")(path).shape == (1, 1, 3)


def test_an_unfit_decoder_is_told_by_the_first_reason_without_addresses_and_with_another_reader(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(8), 8, syntax=RLELossless)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.save_as(path)
    message = refusal(path)
    assert "cannot be decoded by the reader pydicom" in message
    assert "--reader itk" in message
    assert "object at" not in message
    assert " at 0x" not in message


def test_jpeg_extended_of_12_bits_is_not_called_truncated_and_read_by_itk() -> None:
    path = Path(get_testdata_file("JPEG-lossy.dcm", download=False))
    message = refusal(path, modalities=None)
    assert "pylibjpeg: libjpeg error code" in message  # the decoder that knows 12 bits, and not the last one asked
    assert "--reader itk" in message
    assert LoadRadiograph("itk", modalities=None)(path).shape == (1, 1024, 256)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes on this system")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.png")
    assert "is no regular file" in refusal(tmp_path / "x.png")

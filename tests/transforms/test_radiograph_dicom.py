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

import re
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import torch
from pydicom.pixels import apply_voi_lut
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from radiograph_files import dicom_dataset, lut_item, ramp, write_dicom_file

from monai_r2c.transforms import LoadRadiograph, LoadRadiographd
from monai_r2c.utils import InputError

# values at which each window is checked, and what PS3.3 C.11.2.1 gives there
LINEAR = ({"WindowCenter": 100, "WindowWidth": 51}, [74, 75, 100, 124, 125], [0, 0.01, 0.51, 0.99, 1])
STEP = ({"WindowCenter": 100, "WindowWidth": 1}, [98, 99, 100, 101, 102], [0, 0, 1, 1, 1])
EXACT = (
    {"WindowCenter": 100, "WindowWidth": 50, "VOILUTFunction": "LINEAR_EXACT"},
    [70, 75, 80, 100, 125],
    [0, 0, 0.1, 0.5, 1],
)
SIGMOID = (
    {"WindowCenter": 100, "WindowWidth": 40, "VOILUTFunction": "SIGMOID"},
    [90, 100, 110, 120, 140],
    [0.268941, 0.5, 0.731059, 0.880797, 0.982014],
)


def load(path: Path, reader: str = "pydicom") -> np.ndarray:
    return LoadRadiograph(reader)(path)[0].numpy()


def test_padding_of_signed_pixels_may_be_an_unsigned_word(tmp_path: Path) -> None:
    pixels = ramp(12).astype(np.int16)
    pixels[0, 0] = -2000
    dataset = dicom_dataset(pixels, 16)
    dataset.add_new("PixelPaddingValue", "US", 2**16 - 2000)
    dataset.save_as(tmp_path / "x.dcm", implicit_vr=False, little_endian=True)
    image = load(tmp_path / "x.dcm")
    assert image[0, 0] == 0
    assert image.ravel()[1:].min() > 0.5


@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_the_bits_stored_give_the_range(tmp_path: Path, bits: int) -> None:
    pixels = ramp(bits)
    image = LoadRadiograph()(write_dicom_file(tmp_path / "x.dcm", pixels, bits))
    assert image.shape == (1, 40, 36)
    assert image.dtype == torch.float32
    assert image.meta["bits"] == bits
    np.testing.assert_allclose(image[0].numpy(), pixels / (2**bits - 1), atol=1e-6)


@pytest.mark.parametrize("reader", ["pydicom", "itk"])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 1500, "WindowWidth": 2000}])
@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": "2", "RescaleIntercept": "-100.5"}])
def test_monochrome1_loads_as_its_monochrome2_twin(tmp_path: Path, reader: str, window: dict, rescale: dict) -> None:
    pixels = ramp(12)
    twin = write_dicom_file(tmp_path / "2.dcm", pixels, **rescale, **window)
    # the inverted pixels with the mirrored window
    mirrored = (
        {"WindowCenter": _mirrored_center(window, rescale), "WindowWidth": window["WindowWidth"]} if window else {}
    )
    inverted = write_dicom_file(
        tmp_path / "1.dcm", 4095 - pixels, PhotometricInterpretation="MONOCHROME1", **rescale, **mirrored
    )
    image = LoadRadiograph(reader)(inverted)
    assert image.meta["polarity"] == "MONOCHROME1"
    np.testing.assert_allclose(image[0].numpy(), load(twin), atol=1e-6)


def _mirrored_center(window: dict, rescale: dict) -> float:
    slope, intercept = float(rescale.get("RescaleSlope", 1)), float(rescale.get("RescaleIntercept", 0))
    return 4095 * slope + 2 * intercept - window["WindowCenter"] + 1  # LINEAR is symmetric about center - 0.5


@pytest.mark.parametrize(("window", "values", "expected"), [LINEAR, STEP, EXACT, SIGMOID])
def test_windows_follow_the_standard(tmp_path: Path, window: dict, values: list[int], expected: list[float]) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", np.array([values], dtype=np.uint16), **window)
    np.testing.assert_allclose(load(path)[0], expected, atol=1e-5)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(tmp_path: Path, function: str) -> None:
    pixels = ramp(12)
    attributes = {"WindowCenter": 1000, "WindowWidth": 700, "VOILUTFunction": function}
    attributes |= {"RescaleSlope": "0.5", "RescaleIntercept": "-20"}
    dataset = dicom_dataset(pixels, **attributes)
    expected = (apply_voi_lut(pixels * 0.5 - 20, dataset) + 20) / (4095 * 0.5)
    np.testing.assert_allclose(load(write_dicom_file(tmp_path / "x.dcm", pixels, **attributes)), expected, atol=1e-6)


def test_the_first_of_several_windows_counts(tmp_path: Path) -> None:
    several = write_dicom_file(tmp_path / "2.dcm", ramp(12), WindowCenter=[900, 100], WindowWidth=[500, 10])
    one = write_dicom_file(tmp_path / "1.dcm", ramp(12), WindowCenter=900, WindowWidth=500)
    np.testing.assert_array_equal(load(several), load(one))


def test_rescale_of_negative_slope_inverts(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), RescaleSlope=-1, RescaleIntercept=100)
    np.testing.assert_allclose(load(path), 1 - ramp(12) / 4095, atol=1e-6)


def test_voi_lut_is_taken_before_the_window_and_clamps_at_its_ends(tmp_path: Path) -> None:
    # 4 entries of 10 bits from value 1000 on
    lut = lut_item(np.array([100, 300, 700, 1000]), first=1000, bits=10)
    pixels = np.array([[0, 1000, 1001, 1002, 1003, 4095]], dtype=np.uint16)
    path = write_dicom_file(tmp_path / "x.dcm", pixels, VOILUTSequence=[lut], WindowCenter=1, WindowWidth=2)
    np.testing.assert_allclose(load(path)[0], np.array([100, 100, 300, 700, 1000, 1000]) / 1023, atol=1e-6)


def test_voi_lut_of_12_bits_that_says_16_is_not_nearly_black(tmp_path: Path) -> None:
    lut = lut_item(np.arange(4096), first=0, bits=16)
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), VOILUTSequence=[lut])
    np.testing.assert_allclose(load(path), ramp(12) / 4095, atol=1e-6)


def test_modality_lut_precedes_the_window(tmp_path: Path) -> None:
    lut = lut_item(2 * np.arange(256), first=0, bits=10)
    lut.ModalityLUTType = "US"
    attributes = {"ModalityLUTSequence": [lut], "WindowCenter": 200.5, "WindowWidth": 201}
    path = write_dicom_file(tmp_path / "x.dcm", np.array([[50, 100, 125, 150]], dtype=np.uint8), 8, **attributes)
    np.testing.assert_allclose(load(path)[0], [0, 0.5, 0.75, 1], atol=1e-6)


def test_signed_pixels_start_at_their_lowest_value(tmp_path: Path) -> None:
    pixels = np.array([[-2048, 0, 2047]], dtype=np.int16)
    np.testing.assert_allclose(load(write_dicom_file(tmp_path / "x.dcm", pixels))[0], [0, 2048 / 4095, 1], atol=1e-6)


def test_bits_above_the_stored_ones_are_no_intensity(tmp_path: Path) -> None:
    pixels = ramp(12)
    path = write_dicom_file(tmp_path / "x.dcm", pixels | 0x8000)
    np.testing.assert_allclose(load(path), pixels / 4095, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black(tmp_path: Path, photometric: str) -> None:
    path = write_dicom_file(
        tmp_path / "x.dcm",
        np.array([[0, 10, 20, 4095]], dtype=np.uint16),
        PhotometricInterpretation=photometric,
        PixelPaddingValue=0,
        PixelPaddingRangeLimit=10,
    )
    assert load(path)[0, :2].tolist() == [0, 0]
    assert load(path)[0, 2] > 0


@pytest.mark.parametrize("reader", ["pydicom", "itk"])
@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless],
    ids=lambda syntax: syntax.name,
)
def test_transfer_syntaxes_load_alike(tmp_path: Path, reader: str, syntax: UID) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), syntax=syntax)
    np.testing.assert_allclose(load(path, reader), ramp(12) / 4095, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [None, "1", "-1", "0.37"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_itk_and_pydicom_load_alike(tmp_path: Path, photometric: str, slope: str | None, bits: int) -> None:
    path = write_dicom_file(
        tmp_path / "x.dcm",
        ramp(bits),
        bits,
        PhotometricInterpretation=photometric,
        RescaleSlope=slope,
        RescaleIntercept=slope and "-7.5",
    )
    np.testing.assert_array_equal(load(path, "itk"), load(path, "pydicom"))


@pytest.mark.parametrize(
    ("attributes", "spacing", "source", "note"),
    [
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.4, 0.4]}, (0.4, 0.4), "ImagerPixelSpacing", ""),
        ({"PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "PixelSpacing", ""),
        ({"ImagerPixelSpacing": [0.4, 0.5]}, (0.4, 0.5), "ImagerPixelSpacing", r"not square, .*0.4 x 0.5 mm"),
        ({"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "PixelSpacing", ""),
        ({"PixelSpacing": [0, 0]}, (1.0, 1.0), "", "PixelSpacing is 0 x 0 mm, outside .* and is not believed"),
        ({"PixelSpacing": [-0.2, 0.2]}, (1.0, 1.0), "", "-0.2 x 0.2 mm, outside"),
        ({"ImagerPixelSpacing": [50, 50]}, (1.0, 1.0), "", "50 x 50 mm, outside 0.005 to 10 mm"),
        ({"PixelSpacing": 0.2}, (1.0, 1.0), "", "must be two numbers"),
        ({"PixelSpacing": None}, (1.0, 1.0), "", "no ImagerPixelSpacing or PixelSpacing"),
        ({}, (1.0, 1.0), "", "no ImagerPixelSpacing or PixelSpacing"),
    ],
)
def test_spacing_is_kept_as_rows_then_columns_with_what_is_wrong_with_it(
    tmp_path: Path, attributes: dict, spacing: tuple, source: str, note: str
) -> None:
    image = LoadRadiograph()(write_dicom_file(tmp_path / "x.dcm", ramp(12), **attributes))
    assert image.meta["spacing"] == spacing
    assert image.meta["spacing_source"] == source
    assert re.search(note, image.meta["spacing_note"]) if note else image.meta["spacing_note"] == ""
    assert image.pixdim[:2].tolist() == list(spacing)


def test_stated_spacing_is_for_files_that_state_none(tmp_path: Path) -> None:
    load = LoadRadiograph(spacing=0.15)
    for attributes, spacing, source in (
        ({}, (0.15, 0.15), "stated"),
        ({"PixelSpacing": [50, 50]}, (0.15, 0.15), "stated"),
        ({"PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "PixelSpacing"),
    ):
        image = load(write_dicom_file(tmp_path / "x.dcm", ramp(12), **attributes))
        assert (image.meta["spacing"], image.meta["spacing_source"]) == (spacing, source)
    item = LoadRadiographd("image", spacing=(0.1, 0.2))({"image": tmp_path / "x.dcm"})
    assert item["image"].meta["spacing_source"] == "PixelSpacing"


@pytest.mark.parametrize("spacing", [0, -1.0, 50, float("nan"), (0.1,), "0.1", (0.1, 20), True])
def test_absurd_stated_spacing_is_refused_in_one_line(spacing: Any) -> None:
    with pytest.raises(InputError, match=r"spacing: must be the distance of pixels in mm.*from 0.005 to 10"):
        LoadRadiograph(spacing=spacing)


def test_a_name_without_suffix_is_no_hindrance(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "1.2.840.113619", ramp(12))
    np.testing.assert_array_equal(load(path, "itk"), load(path, "pydicom"))


def test_a_preamble_with_another_signature_is_no_hindrance(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12))
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    assert LoadRadiograph()(path).meta["radiograph_kind"] == "dicom"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_file_without_preamble_and_meta_information_is_read(tmp_path: Path, syntax: UID) -> None:
    dataset = dicom_dataset(ramp(12), StudyDate="20260101", ImageType=["ORIGINAL", "PRIMARY"])
    if syntax == ExplicitVRBigEndian:
        dataset["PixelData"].value = ramp(12).astype(">u2").tobytes()
    options = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
    pydicom.dcmwrite(tmp_path / "x", dataset, enforce_file_format=False, force_encoding=True, **options)
    assert (tmp_path / "x").read_bytes()[128:132] != b"DICM"
    image = LoadRadiograph()(tmp_path / "x")
    assert image.meta["radiograph_kind"] == "dicom"
    np.testing.assert_allclose(image[0].numpy(), ramp(12) / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("function", "expected"), [("LINEAR_EXACT", [0, 0.3, 1]), ("SIGMOID", [0.017986, 0.310026, 0.982014])]
)
def test_windows_narrower_than_1_are_obeyed_where_the_standard_allows_them(
    tmp_path: Path, function: str, expected: list[float]
) -> None:
    window = {"WindowCenter": 0.5, "WindowWidth": 0.5, "VOILUTFunction": function, "RescaleSlope": "0.001"}
    pixels = np.array([[0, 400, 1000]], np.uint16)
    path = write_dicom_file(tmp_path / "x.dcm", pixels, RescaleIntercept="0", **window)
    np.testing.assert_allclose(LoadRadiograph()(path)[0, 0], expected, atol=1e-5)

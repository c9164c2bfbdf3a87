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
from typing import Any

import itk
import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from radiograph_files import ramp, write_tiff_file

from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError


def load(path: Path, **options: Any) -> np.ndarray:
    return LoadRadiograph(**options)(path)[0].numpy()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 16])
def test_png_and_tiff_are_scaled_from_their_bit_depth_rows_first(tmp_path: Path, suffix: str, bits: int) -> None:
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(ramp(bits)).save(path)
    image = LoadRadiograph()(path)
    assert image.shape == (1, 40, 36)
    assert image.dtype == torch.float32
    assert (image.meta["bits"], image.meta["original_size"]) == (bits, (40, 36))
    np.testing.assert_allclose(image[0].numpy(), ramp(bits) / (2**bits - 1), atol=1e-6)


def test_jpeg_is_read_within_its_loss(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    Image.fromarray(ramp(8)).save(path, quality=100)
    np.testing.assert_allclose(load(path), ramp(8) / 255, atol=4 / 255)


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(ramp(8)).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "x.jpg")
    assert LoadRadiograph()(tmp_path / "x.jpg").meta["radiograph_kind"] == "png"


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_whose_zero_is_white_is_inverted(tmp_path: Path, bits: int) -> None:
    Image.fromarray(ramp(bits)).save(tmp_path / "x.tif", tiffinfo={262: 0})
    stored = np.asarray(Image.open(tmp_path / "x.tif"))
    shown = ramp(bits) if bits == 8 else 2**16 - 1 - stored.astype(np.int64)  # Pillow inverts 8 bits only
    np.testing.assert_allclose(load(tmp_path / "x.tif"), shown / (2**bits - 1), atol=1e-6)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_uncompressed_tiff_is_turned_upright(tmp_path: Path, bits: int, orientation: int) -> None:
    stored = ramp(bits)
    upright = {5: stored.T, 6: np.rot90(stored, -1), 7: np.rot90(stored, 2).T, 8: np.rot90(stored)}[orientation]
    path = write_tiff_file(tmp_path / "x.tif", stored, orientation=orientation)
    np.testing.assert_allclose(load(path), upright / (2**bits - 1), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        (np.array([[0, 1365, 4095]], np.uint16), {"bits": 12}, [0, 1 / 3, 1]),
        (np.array([[-127, 0, 127]], np.int8), {}, [0, 0.5, 1]),
        (np.array([[0, 1000, 4000]], np.int16), {}, [0, 0.25, 1]),
        (np.array([[-100, 400, 900]], np.int16), {"order": ">"}, [0, 0.5, 1]),
        (np.array([[0, 0.25, 1]], np.float32), {"photometric": 0}, [1, 0.75, 0]),
        (np.array([[10, 20, 50]], np.float32), {"photometric": 0}, [1, 0.75, 0]),
        (np.array([[0, 51, 255]], np.uint8), {"big": True}, [0, 0.2, 1]),
        (np.array([[0, 13107, 65535]], np.uint16), {"big": True}, [0, 0.2, 1]),
    ],
    ids=["12", "signed_8", "signed_16_positive", "signed_16", "float_white", "own_white", "big_8", "big_16"],
)
def test_tiff_gray_scale_is_that_of_its_tags(tmp_path: Path, values: np.ndarray, options: dict, expected: list) -> None:
    path = write_tiff_file(tmp_path / "x.tif", values, **options)
    np.testing.assert_allclose(load(path)[0], expected, atol=1e-6)


def test_tiff_of_a_kind_that_is_not_read_says_which(tmp_path: Path) -> None:
    path = write_tiff_file(tmp_path / "x.tif", ramp(8).astype(np.float64))
    with pytest.raises(InputError, match=r"BitsPerSample .*64.* SampleFormat .*3.*; save it as gray with 8 or 16 bits"):
        load(path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_gray_stored_in_colour_is_gray(tmp_path: Path, mode: str) -> None:
    Image.fromarray(ramp(8)).convert(mode).save(tmp_path / "x.png")
    np.testing.assert_allclose(load(tmp_path / "x.png"), ramp(8) / 255, atol=1e-6)


def test_orientation_tag_turns_the_image_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by 90 degrees
    Image.fromarray(ramp(8)).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_allclose(load(tmp_path / "x.png"), np.rot90(ramp(8), -1) / 255, atol=1e-6)


def test_value_range_says_what_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[100, 600, 1100, 2000]], dtype=np.uint16)).save(tmp_path / "x.png")
    np.testing.assert_allclose(load(tmp_path / "x.png", value_range=(100, 1100))[0], [0, 0.5, 1, 1], atol=1e-6)


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_nifti_has_rows_as_its_second_dimension(tmp_path: Path, suffix: str) -> None:
    pixels = ramp(16)
    nibabel.save(nibabel.Nifti1Image(pixels.T[..., None], np.diag([0.3, 0.2, 1, 1])), tmp_path / f"x.{suffix}")
    image = LoadRadiograph()(tmp_path / f"x.{suffix}")
    assert image.meta["spacing"] == pytest.approx((0.2, 0.3))
    np.testing.assert_allclose(image[0].numpy(), pixels / 65535, atol=1e-6)


def test_nifti_display_range_is_black_and_white(tmp_path: Path) -> None:
    nifti = nibabel.Nifti1Image(np.array([[-50], [0], [50], [150]], dtype=np.int16), np.eye(4))
    nifti.header["cal_min"], nifti.header["cal_max"] = -50, 50
    nibabel.save(nifti, tmp_path / "x.nii")
    np.testing.assert_allclose(load(tmp_path / "x.nii")[0], [0, 0.5, 1, 1])


def test_nifti_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    nifti = nibabel.Nifti1Image(np.array([[0], [1], [4]], dtype=np.int16), np.eye(4))
    nifti.header.set_slope_inter(0.25, 0)
    nibabel.save(nifti, tmp_path / "x.nii")
    np.testing.assert_allclose(load(tmp_path / "x.nii")[0], [0, 0.25, 1])


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_metaimage_is_scaled_from_its_type(tmp_path: Path, dtype: type, compressed: bool) -> None:
    pixels = ramp(np.iinfo(dtype).bits)
    volume = itk.image_from_array(pixels)
    volume.SetSpacing([0.3, 0.2])
    itk.imwrite(volume, str(tmp_path / "x.mha"), compression=compressed)
    image = LoadRadiograph()(tmp_path / "x.mha")
    assert image.meta["spacing"] == pytest.approx((0.2, 0.3))
    np.testing.assert_allclose(image[0].numpy(), pixels / np.iinfo(dtype).max, atol=1e-6)


def test_float_values_within_0_and_1_are_taken_as_they_are(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.2, 0.5, 0.9]], dtype=np.float32)).save(tmp_path / "x.tif")
    np.testing.assert_allclose(load(tmp_path / "x.tif")[0], [0.2, 0.5, 0.9])


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_other_float_and_signed_values_are_scaled_from_their_own_range(tmp_path: Path, dtype: type) -> None:
    values = np.array([[-100], [400], [900]], dtype=dtype)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "x.nii")
    image = LoadRadiograph()(tmp_path / "x.nii")
    assert image.meta["value_range"] == (-100, 900)
    np.testing.assert_allclose(image[0, 0].numpy(), [0, 0.5, 1])


@pytest.mark.parametrize(
    "options",
    [{"reader": "gdcm"}, {"modalities": "CR"}, {"value_range": (5, 5)}],
    ids=lambda options: next(iter(options)),
)
def test_wrong_options_are_refused_at_construction(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))) as refusal:
        LoadRadiograph(**options)
    assert not isinstance(refusal.value, InputError)

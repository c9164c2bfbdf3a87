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

import itk
import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from radiograph_files import ramp, write_dicom_file, write_tiff_file

from monai_r2c.data import replaced_at_once, write_radiograph
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError


def inverted(source: Path, output: Path) -> np.ndarray:
    """Write the inverse of an image as its restoration; return what is read back, inverted again."""
    image = LoadRadiograph()(source)
    assert write_radiograph(1 - image, image.meta, output) == output
    written = LoadRadiograph(value_range=tuple(image.meta["value_range"]))(output)
    assert written.meta["radiograph_kind"] == image.meta["radiograph_kind"]
    assert written.meta["bits"] == image.meta["bits"]
    assert written.meta["spacing"] == pytest.approx(image.meta["spacing"])
    return 1 - written[0].numpy()


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 16])
def test_png_and_tiff_keep_depth_size_and_resolution(tmp_path: Path, suffix: str, bits: int) -> None:
    source, output = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    Image.fromarray(ramp(bits)).save(source, dpi=(200, 100))
    np.testing.assert_allclose(inverted(source, output), ramp(bits) / (2**bits - 1), atol=1e-6)
    assert Image.open(output).mode == Image.open(source).mode
    assert Image.open(output).info["dpi"] == pytest.approx((200, 100), rel=1e-3)


def test_float_tiff_keeps_its_scale(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-5, 10, 20]], dtype=np.float32)).save(tmp_path / "a.tif")
    inverted(tmp_path / "a.tif", tmp_path / "b.tif")
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "b.tif")), [[20, 5, -5]], atol=1e-5)


def test_jpeg_stays_jpeg_within_its_loss(tmp_path: Path) -> None:
    Image.fromarray(ramp(8)).save(tmp_path / "a.jpg", quality=100)
    np.testing.assert_allclose(inverted(tmp_path / "a.jpg", tmp_path / "b.jpg"), ramp(8) / 255, atol=8 / 255)


def test_gray_in_colour_becomes_gray(tmp_path: Path) -> None:
    Image.fromarray(ramp(8)).convert("RGB").save(tmp_path / "a.png")
    np.testing.assert_allclose(inverted(tmp_path / "a.png", tmp_path / "b.png"), ramp(8) / 255, atol=1e-6)
    assert Image.open(tmp_path / "b.png").mode == "L"


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
@pytest.mark.parametrize("slope", [1.0, 0.25])
def test_nifti_keeps_header_and_scaling(tmp_path: Path, suffix: str, slope: float) -> None:
    affine = np.array([[-0.3, 0, 0, 7], [0, -0.2, 0, 8], [0, 0, 1, 9], [0, 0, 0, 1]])
    source, output = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    nifti = nibabel.Nifti1Image(ramp(12).T[..., None].astype(np.int16), affine)
    nifti.header.set_slope_inter(slope, 0 if slope == 1 else -10)
    nifti.header["descrip"] = b"chest"
    nibabel.save(nifti, source)
    np.testing.assert_allclose(inverted(source, output), ramp(12) / 4095, atol=1e-6)
    written = nibabel.load(output)
    assert written.shape == nifti.shape
    assert written.get_data_dtype() == np.int16
    assert (written.dataobj.slope, written.dataobj.inter) == (slope, 0 if slope == 1 else -10)
    assert written.header["descrip"] == b"chest"
    np.testing.assert_allclose(written.affine, affine, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_metaimage_keeps_type_and_geometry(tmp_path: Path, dtype: type) -> None:
    volume = itk.image_from_array(ramp(8).astype(dtype))
    volume.SetSpacing([0.3, 0.2])
    volume.SetOrigin([5, 6])
    itk.imwrite(volume, str(tmp_path / "a.mha"))
    inverted(tmp_path / "a.mha", tmp_path / "b.mha")
    written = itk.imread(str(tmp_path / "b.mha"))
    white = 65535 if dtype is np.uint16 else 255
    np.testing.assert_allclose(itk.array_from_image(written), white - ramp(8).astype(dtype), atol=1e-4)
    assert itk.array_from_image(written).dtype == dtype
    assert list(written.GetOrigin()) == [5, 6]


def test_values_are_rounded_and_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1, 2, 255]], dtype=np.uint8)).save(tmp_path / "a.png")
    image = torch.tensor([[[-0.2, 10.4 / 255, 10.6 / 255, 1.3]]])
    write_radiograph(image, tmp_path / "a.png", tmp_path / "b.png")
    assert np.asarray(Image.open(tmp_path / "b.png")).tolist() == [[0, 10, 11, 255]]


def test_a_path_serves_as_source(tmp_path: Path) -> None:
    source = write_dicom_file(tmp_path / "a.dcm", ramp(12), Modality="MG")
    write_radiograph(np.zeros((40, 36)), source, tmp_path / "new/b.dcm")
    assert (tmp_path / "new/b.dcm").is_file()


def test_a_wrong_size_is_refused(tmp_path: Path) -> None:
    source = write_dicom_file(tmp_path / "a.dcm", ramp(12))
    with pytest.raises(ValueError, match=r"must be \(40, 36\)"):
        write_radiograph(torch.zeros(1, 36, 40), source, tmp_path / "b.dcm")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    source = write_dicom_file(tmp_path / "a.dcm", ramp(12))
    with pytest.raises(ValueError, match="finite"):
        write_radiograph(torch.full((40, 36), torch.nan), source, tmp_path / "b.dcm")


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    source = write_dicom_file(tmp_path / "a.dcm", ramp(12))
    with pytest.raises(InputError, match="is the source itself"):
        write_radiograph(torch.zeros(40, 36), source, tmp_path / "a.dcm")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "x.txt"
    output.write_text("before")

    def fail() -> None:
        with replaced_at_once(output) as partial:
            partial.write_text("half")
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        fail()
    assert output.read_text() == "before"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_signed_tiff_stays_signed(tmp_path: Path, dtype: type) -> None:
    write_tiff_file(tmp_path / "a.tif", np.array([[-100, 0, 100]], dtype))
    np.testing.assert_allclose(inverted(tmp_path / "a.tif", tmp_path / "b.tif"), [[0, 0.5, 1]], atol=0.005)
    with Image.open(tmp_path / "b.tif") as image:
        assert image.tag_v2[339][0] == 2
        assert image.tag_v2[258] == (8 * np.dtype(dtype).itemsize,)


def test_tiff_of_12_bits_becomes_16_over_the_whole_range(tmp_path: Path) -> None:
    source = write_tiff_file(tmp_path / "a.tif", np.array([[0, 1365, 4095]], np.uint16), bits=12)
    image = LoadRadiograph()(source)
    write_radiograph(image, image.meta, tmp_path / "b.tif")
    assert np.asarray(Image.open(tmp_path / "b.tif")).tolist() == [[0, 21845, 65535]]


def test_a_dicom_file_that_is_read_but_cannot_be_written_says_so_in_one_line(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12), PatientName="A^B")
    path.write_bytes(path.read_bytes().replace(b"\x10\x00\x10\x00PN", b"\x10\x00\x10\x00ZZ"))
    image = LoadRadiograph()(path)
    with pytest.raises(InputError, match=r"a\.dcm: was read, but cannot be written back as dicom .*'ZZ'") as refusal:
        write_radiograph(image, image.meta, tmp_path / "b.dcm")
    assert "\n" not in str(refusal.value)
    assert sorted(tmp_path.iterdir()) == [path]

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

import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from radiograph_files import lut_item, ramp, write_dicom_file

from monai_r2c.data import write_radiograph
from monai_r2c.data.dicom_derivation import derive_dicom
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.transforms.radiograph.dicom_header import read_dicom_header
from monai_r2c.utils import InputError

DISPLAYS = {
    "plain": {},
    "window": {"WindowCenter": 1500, "WindowWidth": 2000, "VOILUTFunction": "SIGMOID"},
    "rescaled": {"RescaleSlope": "2", "RescaleIntercept": "-50", "RescaleType": "US"},
    "lut": {"VOILUTSequence": [lut_item(np.arange(4096)[::-1], 0, 12)], "WindowCenter": 9, "WindowWidth": 9},
    "padded": {"PixelPaddingValue": 0, "SmallestImagePixelValue": 0, "LargestImagePixelValue": 4095},
}


def derived(source: Path, image: np.ndarray, **options: str) -> Dataset:
    return pydicom.dcmread(write_radiograph(image, source, source.with_name("derived.dcm"), **options))


@pytest.mark.parametrize("reader", ["pydicom", "itk"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("display", DISPLAYS)
def test_the_derived_image_shows_what_was_written(tmp_path: Path, display: str, photometric: str, reader: str) -> None:
    source = write_dicom_file(tmp_path / "a.dcm", ramp(12), PhotometricInterpretation=photometric, **DISPLAYS[display])
    image = np.random.default_rng(0).random((40, 36))
    dataset = derived(source, image)
    assert dataset.PhotometricInterpretation == photometric
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (16, 12, 11)
    read_back = LoadRadiograph(reader)(tmp_path / "derived.dcm")[0].numpy()
    np.testing.assert_allclose(read_back, np.rint(image * 4095) / 4095, atol=1e-6)


def test_odd_8_bit_images_and_signed_sources_are_written(tmp_path: Path) -> None:
    image = np.linspace(0, 1, 15).reshape(3, 5)
    source = write_dicom_file(tmp_path / "a.dcm", ramp(8, 3, 5), 8)
    derived(source, image)
    np.testing.assert_allclose(LoadRadiograph()(tmp_path / "derived.dcm")[0].numpy(), image, atol=0.51 / 255)
    source = write_dicom_file(tmp_path / "a.dcm", ramp(12, 3, 5).astype(np.int16) - 2048)
    assert derived(source, image).PixelRepresentation == 0
    np.testing.assert_allclose(LoadRadiograph()(tmp_path / "derived.dcm")[0].numpy(), image, atol=0.51 / 4095)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, JPEG2000Lossless, RLELossless], ids=lambda s: s.name
)
def test_any_encoding_becomes_uncompressed_explicit_little_endian(tmp_path: Path, syntax: UID) -> None:
    pixels = ramp(12).byteswap() if syntax == ExplicitVRBigEndian else ramp(12)
    source = write_dicom_file(tmp_path / "a.dcm", pixels, 16 if syntax == ExplicitVRBigEndian else 12, syntax)
    image = LoadRadiograph()(source)[0].numpy()
    dataset = derived(source, image)
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    np.testing.assert_allclose(LoadRadiograph()(tmp_path / "derived.dcm")[0].numpy(), image, atol=1e-6)


def test_it_is_a_new_instance_of_a_new_series_that_names_its_source(tmp_path: Path) -> None:
    attributes = {"ImageType": ["ORIGINAL", "PRIMARY", "", "RT"], "SeriesDescription": "PA", "PatientName": "A^B"}
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12), DerivationDescription="Stitched", **attributes)
    source, dataset = pydicom.dcmread(path), derived(path, np.zeros((40, 36)), description="Restored")
    for kept in ("PatientID", "PatientName", "StudyInstanceUID", "SOPClassUID", "Modality"):
        assert dataset[kept].value == source[kept].value
    for new in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert dataset[new].value != source[new].value
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert list(dataset.ImageType) == ["DERIVED", "PRIMARY", "", "RT"]
    assert dataset.SeriesDescription == "PA restored"
    assert dataset.DerivationDescription == "Stitched; Restored"
    assert dataset.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert dataset.SourceImageSequence[0].ReferencedSOPClassUID == source.SOPClassUID
    assert dataset.ContributingEquipmentSequence[-1].ManufacturerModelName == "monai_r2c"


def test_what_described_the_old_pixels_is_gone(tmp_path: Path) -> None:
    overlay = {"OverlayRows": 40, "OverlayColumns": 36, "OverlayBitPosition": 12}
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12), **DISPLAYS["lut"], **DISPLAYS["padded"])
    with pydicom.dcmread(path) as source:
        for offset, value in zip((0x10, 0x11, 0x102), overlay.values()):
            source.add_new((0x6000, offset), "US", value)
        source.private_block(0x11, "VENDOR", create=True).add_new(1, "LO", "curve A")
        source.save_as(path)
    dataset = derived(path, np.zeros((40, 36)))
    for keyword in ("VOILUTSequence", "PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
        assert keyword not in dataset
    assert not [element for element in dataset if element.tag.is_private or element.tag.group == 0x6000]
    assert (dataset.WindowCenter, dataset.WindowWidth) == (2048, 4096)


def test_the_same_restoration_has_the_same_uids(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12))
    first, again = derived(path, np.zeros((40, 36))), derived(path, np.zeros((40, 36)))
    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert first.SeriesInstanceUID == again.SeriesInstanceUID
    assert derived(path, np.ones((40, 36))).SOPInstanceUID != first.SOPInstanceUID
    assert derived(path, np.zeros((40, 36)), description="other").SeriesInstanceUID != first.SeriesInstanceUID


def test_loss_stays_on_record(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12), syntax=JPEG2000Lossless)
    assert "LossyImageCompression" not in derived(path, np.zeros((40, 36)))
    with pydicom.dcmread(path) as source:
        source.file_meta.TransferSyntaxUID = JPEG2000
        source.save_as(path)
    dataset = derived(path, np.zeros((40, 36)))
    assert (dataset.LossyImageCompression, dataset.LossyImageCompressionMethod) == ("01", "ISO_15444_1")
    with pydicom.dcmread(path) as source:
        source.LossyImageCompression, source.LossyImageCompressionRatio = "01", "7"
        source.save_as(path)
    dataset = derived(path, np.zeros((40, 36)))
    assert (dataset.LossyImageCompressionMethod, dataset.LossyImageCompressionRatio) == ("ISO_15444_1", 7)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_text_that_fits_no_character_set_keeps_its_bytes(tmp_path: Path, syntax: UID) -> None:
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12), syntax=syntax, PatientName="M#ller^J#rg")
    with pydicom.dcmread(path) as source:
        source.SpecificCharacterSet = "ISO_IR 192"
        source.save_as(path)
    path.write_bytes(path.read_bytes().replace(b"M#ller^J#rg", b"M\xfcller^J\xf6rg"))
    assert derived(path, np.zeros((40, 36))).get_item("PatientName").value.strip() == b"M\xfcller^J\xf6rg"


def test_private_elements_are_gone_from_sequences_too(tmp_path: Path) -> None:
    item = Dataset()
    item.add_new(0x00090010, "LO", "someone")
    item.StudyDescription = "kept"
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12), ReferencedStudySequence=[item])
    assert [element.keyword for element in derived(path, np.zeros((40, 36))).ReferencedStudySequence[0]] == [
        "StudyDescription"
    ]


@pytest.mark.parametrize(("photometric", "sign"), [("MONOCHROME1", 1), ("MONOCHROME2", -1)])
def test_the_sign_of_intensity_and_the_time_zone_are_right(tmp_path: Path, photometric: str, sign: int) -> None:
    path = write_dicom_file(
        tmp_path / "a.dcm",
        ramp(12),
        PhotometricInterpretation=photometric,
        PixelIntensityRelationshipSign=-sign,
        TimezoneOffsetFromUTC="-0400",
        SeriesDescription="s" * 64,
    )
    dataset = derived(path, np.zeros((40, 36)))
    assert dataset.PixelIntensityRelationshipSign == sign
    assert dataset.SeriesDescription == "s" * 55 + " restored"
    made = datetime.strptime(f"{dataset.InstanceCreationDate}{dataset.InstanceCreationTime}-0400", "%Y%m%d%H%M%S%z")
    assert abs((datetime.now(timezone.utc) - made).total_seconds()) < 60


def test_a_source_without_uid_is_refused(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12))
    with pydicom.dcmread(path) as source:
        del source.SOPInstanceUID
        source.save_as(path)
    with pytest.raises(InputError, match="no SOPInstanceUID"):
        derived(path, np.zeros((40, 36)))


def test_derived_samples_validate_with_no_new_error(shared: Path, tmp_path: Path) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    sources = [path for path in (shared / "data/dicom").glob("*.dcm") if not path.name.startswith("bad")]
    assert len(sources) == 6
    for source in sources:
        image = LoadRadiograph()(source)
        output = write_radiograph(image, image.meta, tmp_path / source.name)
        assert _errors(output) <= _errors(source), source.name
        bits = image.meta["bits"]
        written = LoadRadiograph()(output).as_tensor()
        assert (written - image.as_tensor()).abs().max() <= 0.51 / (2**bits - 1)


def _errors(path: Path) -> set[str]:
    result = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return {line for line in (result.stdout + result.stderr).splitlines() if "Error" in line}


def test_sources_without_series_get_series_of_their_own(tmp_path: Path) -> None:
    image = np.zeros((40, 36))
    image[0] = 1
    series = set()
    for name in "ab":
        path = write_dicom_file(tmp_path / f"{name}.dcm", ramp(12), SeriesInstanceUID=None)
        series.add(derived(path, image).SeriesInstanceUID)
    assert len(series) == 2


@pytest.mark.parametrize(("syntax", "method"), [(HTJ2K, "ISO_15444_15"), (HTJ2KLossless, None)])
def test_high_throughput_jpeg_2000_with_loss_stays_marked(tmp_path: Path, syntax: UID, method: str | None) -> None:
    path = write_dicom_file(tmp_path / "a.dcm", ramp(12))
    header = read_dicom_header(path)
    header.file_meta.TransferSyntaxUID = syntax
    dataset = derive_dicom(header, np.eye(40, 36), "restored", "1", path)
    assert dataset.get("LossyImageCompressionMethod") == method
    assert dataset.get("LossyImageCompression") == ("01" if method else None)

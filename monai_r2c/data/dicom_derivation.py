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

import copy
import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import correct_ambiguous_vr, dcmwrite
from pydicom.sr.coding import Code
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    generate_uid,
)
from pydicom.valuerep import VR

from monai_r2c.utils import InputError

# what described the source's pixels, or its whole data set, and is not true of the new one
_OUTDATED = (
    "ModalityLUTSequence",
    "VOILUTSequence",
    "VOILUTFunction",
    "WindowCenterWidthExplanation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "SmallestImagePixelValue",
    "LargestImagePixelValue",
    "SmallestPixelValueInSeries",
    "LargestPixelValueInSeries",
    "HistogramSequence",
    "IconImageSequence",
    "PixelDataProviderURL",
    "DigitalSignaturesSequence",
    "MACParametersSequence",
    "EncryptedAttributesSequence",
    "SeriesDate",
    "SeriesTime",
)
_LOSSY_METHODS = {
    JPEGBaseline8Bit: "ISO_10918_1",
    JPEGExtended12Bit: "ISO_10918_1",
    JPEGLSNearLossless: "ISO_14495_1",
    JPEG2000: "ISO_15444_1",
    HTJ2K: "ISO_15444_15",
}
_KINDS = frozenset(VR)
_ROWS = 64  # of an image, changed at a time: in float64 they stay near the processor
_SOURCE_PURPOSE = Code("121322", "DCM", "Source image for image processing operation")
_EQUIPMENT_PURPOSE = Code("109102", "DCM", "Processing Equipment")


def derive_dicom(header: Dataset, image: np.ndarray, description: str, version: str, path: Path) -> Dataset:
    """Make a new DICOM image of a processed one, as PS3.3 C.7.6.1 and C.12.4 ask of a derived image.

    Patient, study and acquisition are kept. New are the SOP instance, the series, the image type (DERIVED), the
    derivation description, the reference to the source image and the equipment that processed it. The pixels are
    uncompressed, unsigned, of the source's bit depth and photometric interpretation, with one window over all values,
    so that a display shows them as `image`. What described the old pixels is left out, private elements too. The new
    UIDs depend on source, description and pixels alone: the same restoration made again has the same.

    Args:
        header: of the source, without pixels.
        image: ``(rows, columns)`` in [0, 1], 0 being black.
        description: how the image was made, in English.
        version: of the software that made it.
        path: file of the source, for errors.

    Returns:
        The data set, to be written by `write_dicom`.

    Raises:
        InputError: when the source has no SOP class or instance UID to refer to.
    """
    if not header.get("SOPClassUID") or not header.get("SOPInstanceUID"):
        raise InputError(f"{path}: has no SOPClassUID or no SOPInstanceUID, which a derived image must refer to.")
    derived = copy.deepcopy(header)
    _remove_outdated(derived)
    _set_pixels(derived, image)
    _set_display(derived)
    _keep_lossy_history(derived, path)
    _set_identity(derived, header, description)
    _set_derivation(derived, header, description, version)
    return derived


def write_dicom(dataset: Dataset, path: Path) -> None:
    """Write a data set that `derive_dicom` made, explicit little endian, whatever the encoding of its source."""
    if dataset.original_encoding[1] is False:
        for tag in list(dataset.keys()):
            if dataset.get_item(tag).VR == "OW" and tag != dataset["PixelData"].tag:  # the words of an overlay
                dataset[tag].value = np.frombuffer(dataset[tag].value, np.uint16).byteswap().tobytes()
    dcmwrite(path, dataset, enforce_file_format=True)


def _remove_outdated(dataset: Dataset) -> None:
    for keyword in _OUTDATED:
        if keyword in dataset:
            delattr(dataset, keyword)
    _remove_private(dataset)
    for group in range(0x6000, 0x6020, 2):  # an overlay in the unused bits of the old pixels
        if (group, 0x0010) in dataset and (group, 0x3000) not in dataset:
            del dataset[group << 16 : (group + 1) << 16]


def _remove_private(dataset: Dataset) -> None:
    """Take private elements away, in sequences too. No text is decoded: bytes that fit no character set stay."""
    is_implicit = dataset.original_encoding == (True, True)
    for tag in list(dataset.keys()):
        if tag.is_private:
            del dataset[tag]
            continue
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and is_implicit:
            kind = dictionary_VR(tag) if dictionary_has_tag(tag) else "UN"
            if kind == "SQ" or " or " in kind:
                element = dataset[tag]
            else:
                dataset[tag] = element._replace(VR=kind)
        elif element.VR not in _KINDS:
            element = dataset[tag]  # says that there is no such kind
        if element.VR == "SQ":
            for item in dataset[tag].value:
                _remove_private(item)
    if is_implicit:  # with these VRs the bytes are those of the explicit encoding
        correct_ambiguous_vr(dataset, True)
        dataset.set_original_encoding(False, True, dataset.original_character_set)


def _set_pixels(dataset: Dataset, image: np.ndarray) -> None:
    highest = 2 ** int(dataset.BitsStored) - 1
    stored = np.empty(image.shape, "<u1" if dataset.BitsAllocated == 8 else "<u2")
    for rows in range(0, len(image), _ROWS):
        block = np.rint(image[rows : rows + _ROWS].astype(np.float64) * highest)
        stored[rows : rows + _ROWS] = highest - block if dataset.PhotometricInterpretation == "MONOCHROME1" else block
    dataset.PixelRepresentation = 0
    pixels = stored.tobytes()
    dataset.add_new("PixelData", "OB" if dataset.BitsAllocated == 8 else "OW", pixels + b"\0" * (len(pixels) % 2))


def _set_display(dataset: Dataset) -> None:
    """One linear window from the lowest to the highest value that can be stored (PS3.3 C.11.2.1.2)."""
    dataset.WindowCenter = 2 ** (int(dataset.BitsStored) - 1)
    dataset.WindowWidth = 2 ** int(dataset.BitsStored)
    if "PixelIntensityRelationshipSign" in dataset:  # air, where most rays arrive, is black
        dataset.PixelIntensityRelationshipSign = 1 if dataset.PhotometricInterpretation == "MONOCHROME1" else -1
    if "RescaleSlope" in dataset or "RescaleIntercept" in dataset:
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "US"


def _keep_lossy_history(dataset: Dataset, path: Path) -> None:
    """Pixels that were once compressed with loss stay marked so (PS3.3 C.7.6.1.1.5)."""
    method = _LOSSY_METHODS.get(dataset.file_meta.TransferSyntaxUID)
    if method is None or (dataset.get("LossyImageCompression") == "01" and dataset.get("LossyImageCompressionMethod")):
        return
    if dataset.get("LossyImageCompression") == "01" and dataset.get("LossyImageCompressionRatio"):
        dataset.LossyImageCompressionMethod = method
        return
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionMethod = method
    dataset.LossyImageCompressionRatio = f"{max(len(dataset.PixelData) / path.stat().st_size, 1.0):.2f}"


def _set_identity(dataset: Dataset, header: Dataset, description: str) -> None:
    pixels = hashlib.sha256(dataset.PixelData).hexdigest()
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(header.SOPInstanceUID), description, pixels])
    # a source without series gets one of its own, or images of several patients would share it
    series = str(header.get("SeriesInstanceUID") or header.SOPInstanceUID)
    dataset.SeriesInstanceUID = generate_uid(
        entropy_srcs=[str(header.get("StudyInstanceUID", "")), series, description]
    )
    dataset.SeriesDescription = f"{str(header.get('SeriesDescription') or '')[:55]} restored".strip()
    now = datetime.now(_zone(header))
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    if "ContentDate" in header:
        dataset.ContentDate, dataset.ContentTime = date, time
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _zone(header: Dataset) -> timezone | None:
    """Time zone of the data set's times; None, that of the machine, where it says none."""
    text = str(header.get("TimezoneOffsetFromUTC") or "")
    try:
        offset = datetime.strptime(text, "%z").utcoffset()
    except ValueError:
        return None
    return timezone(offset or timedelta())


def _set_derivation(dataset: Dataset, header: Dataset, description: str, version: str) -> None:
    image_type = header.get("ImageType")
    values = [image_type] if isinstance(image_type, str) else list(image_type or [])
    dataset.ImageType = ["DERIVED", *(values[1:] or ["PRIMARY"])]
    earlier = header.get("DerivationDescription")
    dataset.DerivationDescription = f"{earlier}; {description}"[-1024:] if earlier else description[:1024]
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = [_code_item(_SOURCE_PURPOSE)]
    dataset.SourceImageSequence = [source]
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = [_code_item(_EQUIPMENT_PURPOSE)]
    equipment.Manufacturer = "monai_r2c contributors"
    equipment.ManufacturerModelName = "monai_r2c"
    equipment.SoftwareVersions = version
    equipment.ContributionDescription = description[:1024]
    dataset.ContributingEquipmentSequence = [*(header.get("ContributingEquipmentSequence") or []), equipment]


def _code_item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item

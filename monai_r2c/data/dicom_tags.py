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

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai_r2c.transforms.radiograph.dicom_header import read_dicom_header
from monai_r2c.transforms.radiograph.formats import RadiographKind, find_kind
from monai_r2c.utils import InputError

from .datalist import DatalistItem

_KEYWORDS = {
    "patient": ("PatientID",),
    "study": ("StudyInstanceUID",),
    "source": ("InstitutionName", "ManufacturerModelName", "Manufacturer"),
    "view": ("ViewPosition",),
}


def with_dicom_tags(entries: Sequence[DatalistItem]) -> list[DatalistItem]:
    """Return the items with what DICOM headers tell of patient, study, source and view, where it is not known yet.

    A patient that all images of several studies share is taken for the placeholder of an anonymised collection and
    left out.
    """
    told = [replace(entry, **_told(entry)) for entry in entries]
    patients = {entry.patient for before, entry in zip(entries, told) if before.patient is None} - {None}
    studies = {entry.study for entry in told} - {None}
    if len(patients) == 1 and len(studies) > 1:
        told = [replace(entry, patient=before.patient) for before, entry in zip(entries, told)]
    return told


def _told(entry: DatalistItem) -> dict[str, Any]:
    path = Path(entry.image)
    try:
        if find_kind(path) != RadiographKind.DICOM:
            return {}
        header = read_dicom_header(path)
    except (OSError, InputError):  # training says so when it reads the image
        return {}
    found: dict[str, Any] = {}
    for key, keywords in _KEYWORDS.items():
        value = next((str(header.get(keyword)) for keyword in keywords if header.get(keyword)), "")
        if value and getattr(entry, key) is None:
            found[key] = value
    return found

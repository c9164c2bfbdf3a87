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

from collections import Counter
from collections.abc import Mapping, Sequence
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
    "modality": ("Modality",),
}

Tags = Mapping[str, Mapping[str, str]]
"""What DICOM headers tell, by path of the image: ``patient``, ``study``, ``source``, ``view``, ``modality``."""


def read_dicom_tags(entries: Sequence[DatalistItem]) -> Tags:
    """Read the DICOM headers of the items' images; images of other kinds and unreadable ones are left out."""
    tags = {}
    for path in {entry.image: None for entry in entries}:
        try:
            if find_kind(Path(path)) != RadiographKind.DICOM:
                continue
            header = read_dicom_header(Path(path))
        except (OSError, InputError):  # training says so when it reads the image
            continue
        values = {
            key: next((str(header.get(keyword)) for keyword in keywords if header.get(keyword)), "")
            for key, keywords in _KEYWORDS.items()
        }
        tags[path] = {key: value for key, value in values.items() if value}
    return tags


def with_dicom_tags(entries: Sequence[DatalistItem], tags: Tags) -> list[DatalistItem]:
    """Return the items with what their tags tell of patient, study, source and view, where it is not known yet.

    A patient that all images of several studies share is taken for the placeholder of an anonymised collection and
    left out.
    """
    told = [replace(entry, **_told(entry, tags.get(entry.image, {}))) for entry in entries]
    patients = {entry.patient for before, entry in zip(entries, told) if before.patient is None} - {None}
    studies = {entry.study for entry in told} - {None}
    if len(patients) == 1 and len(studies) > 1:
        told = [replace(entry, patient=before.patient) for before, entry in zip(entries, told)]
    return told


def of_modalities(
    entries: Sequence[DatalistItem], tags: Tags, modalities: Sequence[str]
) -> tuple[list[DatalistItem], Counter[str]]:
    """Return the items that are no DICOM files or of an admitted modality, and count the others by reason."""
    kept, left_out = [], Counter[str]()
    for entry in entries:
        modality = tags[entry.image].get("modality", "none") if entry.image in tags else None
        if modality is None or modality in modalities:
            kept.append(entry)
        else:
            left_out[f"modality {modality}, which is not admitted (see --modality)"] += 1
    return kept, left_out


def _told(entry: DatalistItem, tags: Mapping[str, str]) -> dict[str, Any]:
    return {key: value for key, value in tags.items() if key != "modality" and getattr(entry, key) is None}

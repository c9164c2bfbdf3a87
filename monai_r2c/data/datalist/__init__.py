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

from .copies import LEAST_LIKENESS, find_alike, find_identical
from .folder_layout import read_dataset_dir, read_labels
from .groups import group_entries
from .items import DOMAINS, SECTIONS, TRAINING, UNLABELLED, Datalist, DatalistItem, check_classes, label_index
from .reading import load_datalist, read_datalist
from .rules import NamePatterns, Rules, Selection
from .sources import ImageFolder, ManifestColumns, select_from_folders, select_from_manifest
from .split import hold_out
from .table import read_table

__all__ = [
    "DOMAINS",
    "LEAST_LIKENESS",
    "SECTIONS",
    "TRAINING",
    "UNLABELLED",
    "Datalist",
    "DatalistItem",
    "ImageFolder",
    "ManifestColumns",
    "NamePatterns",
    "Rules",
    "Selection",
    "check_classes",
    "find_alike",
    "find_identical",
    "group_entries",
    "hold_out",
    "label_index",
    "load_datalist",
    "read_datalist",
    "read_dataset_dir",
    "read_labels",
    "read_table",
    "select_from_folders",
    "select_from_manifest",
]

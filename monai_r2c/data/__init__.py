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

from monai_r2c.utils.files import replaced_at_once

from .caching import cached_dataset
from .confounding import find_confounding
from .datalist import Datalist, DatalistItem, load_datalist, read_datalist, read_dataset_dir
from .epoch_sampler import EpochSampler, EvaluationSampler
from .image_files import list_images
from .image_pool import ImagePool
from .inference import inference_items
from .phantom import PhantomChest, edges_of, slanted_edge, with_edges, write_phantom_dataset
from .quality import QualityMeasures, QualityThresholds, find_faults, measure_quality, propose_quality
from .radiograph_writer import write_radiograph
from .restorations import RestorationDataset, RestorationFolder
from .unpaired import UnpairedDataset

__all__ = [
    "Datalist",
    "DatalistItem",
    "EpochSampler",
    "EvaluationSampler",
    "ImagePool",
    "PhantomChest",
    "QualityMeasures",
    "QualityThresholds",
    "RestorationDataset",
    "RestorationFolder",
    "UnpairedDataset",
    "cached_dataset",
    "edges_of",
    "find_confounding",
    "find_faults",
    "inference_items",
    "list_images",
    "load_datalist",
    "measure_quality",
    "propose_quality",
    "read_datalist",
    "read_dataset_dir",
    "replaced_at_once",
    "slanted_edge",
    "with_edges",
    "write_phantom_dataset",
    "write_radiograph",
]

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

from .bootstrap import bootstrap_intervals
from .classification import SCORES, ClassificationMetric, classification_scores, confusion_matrix
from .cycle_error import CycleErrorMetric
from .descriptions import DESCRIPTIONS, ScoreDescription, describe_score
from .edge_response import EdgeResponse, edge_response
from .familiarity import FamiliarityModel, fit_familiarity, unfamiliarity
from .feature_distance import FeatureDistanceMetric, frechet_distance, kernel_distance
from .grouped import GroupedMetric, ImageMetric
from .layer_features import LayerFeatures
from .layout_features import layout_features
from .niqe import NIQEMetric, NIQEModel, fit_niqe, niqe
from .noise_power import noise_power_spectrum
from .preservation import ClassPreservationMetric
from .quality import QualityMetric
from .reference import ReferenceMetric
from .restoration_check import RestorationCheck
from .scales import ssim_at_scales
from .score import Score
from .structure import StructuralChangeMetric, structural_change, structural_change_map

__all__ = [
    "DESCRIPTIONS",
    "SCORES",
    "ClassPreservationMetric",
    "ClassificationMetric",
    "CycleErrorMetric",
    "EdgeResponse",
    "FamiliarityModel",
    "FeatureDistanceMetric",
    "GroupedMetric",
    "ImageMetric",
    "LayerFeatures",
    "NIQEMetric",
    "NIQEModel",
    "QualityMetric",
    "ReferenceMetric",
    "RestorationCheck",
    "Score",
    "ScoreDescription",
    "StructuralChangeMetric",
    "bootstrap_intervals",
    "classification_scores",
    "confusion_matrix",
    "describe_score",
    "edge_response",
    "fit_familiarity",
    "fit_niqe",
    "frechet_distance",
    "kernel_distance",
    "layout_features",
    "niqe",
    "noise_power_spectrum",
    "ssim_at_scales",
    "structural_change",
    "structural_change_map",
    "unfamiliarity",
]

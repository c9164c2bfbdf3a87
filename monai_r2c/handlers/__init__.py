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

from .best_model import BestModel
from .case_writer import CaseWriter
from .checkpoint import RunCheckpoint
from .epoch_log import EpochLog
from .handler_chain import HandlerChain
from .image_table import ImageTable
from .metrics import (
    ClassificationScores,
    ClassPreservationScores,
    CycleErrorScores,
    FeatureDistanceScores,
    NIQEScores,
    QualityScores,
    ReferenceScores,
    ScoresHandler,
    StructuralChangeScores,
)
from .panel import RestorationPanel
from .preemption import Preemption
from .restoration_flags import RestorationFlags
from .restoration_saver import RestorationSaver
from .rounding import RoundingError
from .tables import write_configuration, write_scores
from .tensorboard_details import TensorBoardDetails
from .tensorboard_log import TensorBoardLog
from .terminal import RunView, TerminalProgress
from .training_statistics import add_statistics, add_statistics_after_training
from .validation import Validation

__all__ = [
    "BestModel",
    "CaseWriter",
    "ClassPreservationScores",
    "ClassificationScores",
    "CycleErrorScores",
    "EpochLog",
    "FeatureDistanceScores",
    "HandlerChain",
    "ImageTable",
    "NIQEScores",
    "Preemption",
    "QualityScores",
    "ReferenceScores",
    "RestorationFlags",
    "RestorationPanel",
    "RestorationSaver",
    "RoundingError",
    "RunCheckpoint",
    "RunView",
    "ScoresHandler",
    "StructuralChangeScores",
    "TensorBoardDetails",
    "TensorBoardLog",
    "TerminalProgress",
    "Validation",
    "add_statistics",
    "add_statistics_after_training",
    "write_configuration",
    "write_scores",
]

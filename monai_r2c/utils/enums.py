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

from monai.utils.enums import StrEnum


class Variant(StrEnum):
    """The three architectures of the R2C-GAN paper."""

    OPERATIONAL = "operational"
    CONVOLUTIONAL = "convolutional"
    CONVOLUTIONAL_LIGHT = "convolutional_light"


class R2CKeys(StrEnum):
    """Names of images, labels and scores in batches and in ``engine.state.output``."""

    POOR = "poor"
    GOOD = "good"
    POOR_LABEL = "poor_label"
    GOOD_LABEL = "good_label"
    POOR_FILE = "poor_file"
    GOOD_FILE = "good_file"
    RESTORED = "restored"
    DEGRADED = "degraded"
    CYCLED_POOR = "cycled_poor"
    CYCLED_GOOD = "cycled_good"
    IDENTITY_POOR = "identity_poor"
    IDENTITY_GOOD = "identity_good"
    SYNTHETIC = "synthetic"
    SYNTHETIC_REFERENCE = "synthetic_reference"
    SYNTHETIC_RESTORED = "synthetic_restored"
    SYNTHETIC_CONTEXT = "synthetic_context"
    CONTEXT = "context"
    REFERENCE = "reference"
    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    RESTORED_PROBABILITIES = "restored_probabilities"
    FILE = "file"
    PATIENT = "patient"
    ERROR = "error"
    SECONDS = "seconds"

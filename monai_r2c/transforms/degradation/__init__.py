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

from .collimation import RandCollimation
from .compression import RandCompression
from .contrast_loss import RandContrastLoss
from .dictionary import (
    RandCollimationd,
    RandCompressiond,
    RandContrastLossd,
    RandExposured,
    RandLettersd,
    RandLocalContrastd,
    RandPoorQualityd,
    RandQuantumNoised,
    RandRadiographBlurd,
    RandResamplingd,
    RandToneCurved,
    RandWidePoorQualityd,
    RandWindowClippingd,
)
from .exposure import RandExposure
from .letters import RandLetters
from .local_contrast import RandLocalContrast
from .poor_quality import RandPoorQuality, RandWidePoorQuality
from .quantum_noise import RandQuantumNoise
from .radiograph_blur import RandRadiographBlur
from .resampling import RandResampling
from .tone_curve import RandToneCurve
from .window_clipping import RandWindowClipping

__all__ = [
    "RandCollimation",
    "RandCollimationd",
    "RandCompression",
    "RandCompressiond",
    "RandContrastLoss",
    "RandContrastLossd",
    "RandExposure",
    "RandExposured",
    "RandLetters",
    "RandLettersd",
    "RandLocalContrast",
    "RandLocalContrastd",
    "RandPoorQuality",
    "RandPoorQualityd",
    "RandQuantumNoise",
    "RandQuantumNoised",
    "RandRadiographBlur",
    "RandRadiographBlurd",
    "RandResampling",
    "RandResamplingd",
    "RandToneCurve",
    "RandToneCurved",
    "RandWidePoorQuality",
    "RandWidePoorQualityd",
    "RandWindowClipping",
    "RandWindowClippingd",
]

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

from .degradation import (
    RandCollimation,
    RandCollimationd,
    RandCompression,
    RandCompressiond,
    RandContrastLoss,
    RandContrastLossd,
    RandExposure,
    RandExposured,
    RandLetters,
    RandLettersd,
    RandLocalContrast,
    RandLocalContrastd,
    RandPoorQuality,
    RandPoorQualityd,
    RandQuantumNoise,
    RandQuantumNoised,
    RandRadiographBlur,
    RandRadiographBlurd,
    RandResampling,
    RandResamplingd,
    RandToneCurve,
    RandToneCurved,
    RandWidePoorQuality,
    RandWidePoorQualityd,
    RandWindowClipping,
    RandWindowClippingd,
)
from .native import RandContextCropd, RandShortestd
from .radiograph import (
    LoadRadiograph,
    LoadRadiographD,
    LoadRadiographd,
    LoadRadiographDict,
    RadiographKeys,
    RadiographKind,
)
from .resize import ResizeShortest, ResizeShortestd

__all__ = [
    "LoadRadiograph",
    "LoadRadiographD",
    "LoadRadiographDict",
    "LoadRadiographd",
    "RadiographKeys",
    "RadiographKind",
    "RandCollimation",
    "RandCollimationd",
    "RandCompression",
    "RandCompressiond",
    "RandContextCropd",
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
    "RandShortestd",
    "RandToneCurve",
    "RandToneCurved",
    "RandWidePoorQuality",
    "RandWidePoorQualityd",
    "RandWindowClipping",
    "RandWindowClippingd",
    "ResizeShortest",
    "ResizeShortestd",
]

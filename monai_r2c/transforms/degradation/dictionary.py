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

from collections.abc import Hashable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from monai.config import KeysCollection, NdarrayOrTensor
from monai.transforms import MapTransform, RandomizableTransform

from .collimation import RandCollimation
from .compression import RandCompression
from .contrast_loss import RandContrastLoss
from .degradation import RandDegradation
from .exposure import RandExposure
from .letters import RandLetters
from .local_contrast import RandLocalContrast
from .poor_quality import RandPoorQuality, RandWidePoorQuality
from .quantum_noise import RandQuantumNoise
from .radiograph_blur import RandRadiographBlur
from .resampling import RandResampling
from .tone_curve import RandToneCurve
from .window_clipping import RandWindowClipping


class RandDegradationd(RandomizableTransform, MapTransform):
    """Dictionary twin of a degradation: every key gets the same severity and the same seed of noise.

    Args:
        keys: of the images.
        allow_missing_keys: pass over keys that are not there.
        severity: keyword arguments of the array transform, `prob`, `latitude` and `value_range` among them.

    Raises:
        InputError: as the array transform does.
        KeyError: on call, when a key is missing that may not be.
    """

    array_transform: ClassVar[type[RandDegradation]]
    backend = RandDegradation.backend

    def __init__(self, keys: KeysCollection, *, allow_missing_keys: bool = False, **severity: Any) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.degradation = self.array_transform(**severity)
        RandomizableTransform.__init__(self, self.degradation.prob)

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandDegradationd:
        """Seed the array transform, so that both twins of one seed give the same images."""
        super().set_random_state(seed, state)
        self.degradation.set_random_state(state=self.R)
        return self

    def randomize(self, data: Any | None = None) -> None:
        """Draw once for all keys."""
        self.degradation.randomize(None)

    def __call__(self, data: Mapping[Hashable, NdarrayOrTensor]) -> dict[Hashable, NdarrayOrTensor | torch.Tensor]:
        """Return a copy of `data` with the images of `keys` degraded; see the array transform's ``__call__``."""
        degraded: dict[Hashable, NdarrayOrTensor | torch.Tensor] = dict(data)
        self.randomize(None)
        for key in self.key_iterator(degraded):
            degraded[key] = self.degradation(data[key], randomize=False)
        return degraded


class RandQuantumNoised(RandDegradationd):
    """Dictionary twin of `RandQuantumNoise`: ``RandQuantumNoised(keys, photons=..., prob=..., latitude=...)``."""

    array_transform = RandQuantumNoise


class RandRadiographBlurd(RandDegradationd):
    """Dictionary twin of `RandRadiographBlur`: ``RandRadiographBlurd(keys, focal_sigma=..., motion=..., ...)``."""

    array_transform = RandRadiographBlur


class RandExposured(RandDegradationd):
    """Dictionary twin of `RandExposure`: ``RandExposured(keys, stops=..., prob=..., latitude=...)``."""

    array_transform = RandExposure


class RandContrastLossd(RandDegradationd):
    """Dictionary twin of `RandContrastLoss`: ``RandContrastLossd(keys, scatter_fraction=..., spread=..., ...)``."""

    array_transform = RandContrastLoss


class RandPoorQualityd(RandDegradationd):
    """Dictionary twin of `RandPoorQuality`: ``RandPoorQualityd(keys, fault_prob=..., prob=..., ...)``."""

    array_transform = RandPoorQuality


class RandCollimationd(RandDegradationd):
    """Dictionary twin of `RandCollimation`: ``RandCollimationd(keys, margin=..., side_prob=..., level=..., ...)``."""

    array_transform = RandCollimation


class RandCompressiond(RandDegradationd):
    """Dictionary twin of `RandCompression`: ``RandCompressiond(keys, quality=..., prob=...)``."""

    array_transform = RandCompression


class RandLettersd(RandDegradationd):
    """Dictionary twin of `RandLetters`: ``RandLettersd(keys, words=..., count=..., ...)``."""

    array_transform = RandLetters


class RandResamplingd(RandDegradationd):
    """Dictionary twin of `RandResampling`: ``RandResamplingd(keys, factor=..., prob=...)``."""

    array_transform = RandResampling


class RandLocalContrastd(RandDegradationd):
    """Dictionary twin of `RandLocalContrast`: ``RandLocalContrastd(keys, factor=..., prob=...)``."""

    array_transform = RandLocalContrast


class RandToneCurved(RandDegradationd):
    """Dictionary twin of `RandToneCurve`: ``RandToneCurved(keys, gamma=..., prob=...)``."""

    array_transform = RandToneCurve


class RandWindowClippingd(RandDegradationd):
    """Dictionary twin of `RandWindowClipping`: ``RandWindowClippingd(keys, cut=..., prob=...)``."""

    array_transform = RandWindowClipping


class RandWidePoorQualityd(RandDegradationd):
    """Dictionary twin of `RandWidePoorQuality`: ``RandWidePoorQualityd(keys, prob=..., ...)``."""

    array_transform = RandWidePoorQuality

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

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from monai_r2c.utils import InputError

from .compression import RandCompression
from .contrast_loss import RandContrastLoss
from .degradation import LATITUDE, RandDegradation, severity_range
from .exposure import RandExposure
from .quantum_noise import RandQuantumNoise
from .radiograph_blur import RandRadiographBlur
from .tone_curve import RandToneCurve
from .window_clipping import RandWindowClipping

_OF_TONE = (RandExposure, RandToneCurve, RandWindowClipping)


class RandPoorQuality(RandDegradation):
    """Make a good radiograph poor by a random blend of faults, as bedside films have them.

    The faults act in the order of the rays' way: blur (focal spot and motion, before the detector), scatter (mixed
    with what is blurred), exposure (scales both) and quantum noise (last, at the detector: overexposure makes it
    weaker, and it is not blurred). What happens to an image afterwards follows where it is asked for: tone curve,
    window, compression. Each takes part by itself, with `fault_prob` (compression with `compression_prob`); when none
    is drawn, one of them is chosen, so that every degraded image has a fault.

    Args:
        focal_sigma, motion, unit, focal_profile: see `RandRadiographBlur`.
        scatter_fraction: see `RandContrastLoss`.
        stops: see `RandExposure`.
        photons: see `RandQuantumNoise`.
        gamma: see `RandToneCurve`; None leaves the tone curve out.
        cut: see `RandWindowClipping`; None leaves the window out.
        quality: see `RandCompression`; None leaves compression out.
        fault_prob: probability of each fault, in [0, 1]; a number, or the range of a uniform draw per image: then some
            images have few faults and some have all, where one number makes nearly all of them blurred or noisy.
        compression_prob: probability of compression, likewise.
        tone_fault_prob: probability that exposure, tone curve and window are among an image's faults at all. The others
            keep their tone, so that a network learns to leave it where an image gives no reason to change it.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Attributes:
        faults: in physical order; each holds the severity that it drew last.
        drawn: for each fault, whether it took part in the last image.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described.

    Example:
        >>> poor = RandPoorQuality(prob=1.0).set_random_state(0)(torch.rand(1, 128, 128))
    """

    def __init__(
        self,
        *,
        focal_sigma: float | Sequence[float] = (0.4, 1.2),
        motion: float | Sequence[float] = (0.0, 3.0),
        unit: Literal["pixel", "mm"] = "pixel",
        focal_profile: Literal["gaussian", "disc"] = "gaussian",
        scatter_fraction: float | Sequence[float] = (0.1, 0.5),
        stops: float | Sequence[float] = (-0.8, 0.8),
        photons: float | Sequence[float] = (250.0, 2500.0),
        gamma: float | Sequence[float] | None = None,
        cut: float | Sequence[float] | None = None,
        quality: float | Sequence[float] | None = None,
        fault_prob: float | Sequence[float] = 0.8,
        compression_prob: float | Sequence[float] = 0.6,
        tone_fault_prob: float = 1.0,
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.fault_prob_range = severity_range("RandPoorQuality: fault_prob", fault_prob, 0, 1)
        self.compression_prob_range = severity_range("RandPoorQuality: compression_prob", compression_prob, 0, 1)
        if not 0 <= tone_fault_prob <= 1:
            raise InputError(f"RandPoorQuality: tone_fault_prob must be in [0, 1], got {tone_fault_prob}.")
        self.tone_fault_prob = tone_fault_prob
        common: dict[str, Any] = {"prob": 1.0, "latitude": latitude}
        faults: list[RandDegradation] = [
            RandRadiographBlur(
                focal_sigma=focal_sigma, motion=motion, unit=unit, focal_profile=focal_profile, **common
            ),
            RandContrastLoss(scatter_fraction=scatter_fraction, **common),
            RandExposure(stops=stops, **common),
            RandQuantumNoise(photons=photons, **common),
        ]
        if gamma is not None:
            faults.append(RandToneCurve(gamma=gamma, **common))
        if cut is not None:
            faults.append(RandWindowClipping(cut=cut, **common))
        if quality is not None:
            faults.append(RandCompression(quality=quality, **common))
        self.faults = tuple(faults)
        self.drawn = [False] * len(self.faults)

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> RandPoorQuality:
        """Seed the blend and its faults, which draw from one sequence."""
        super().set_random_state(seed, state)
        for fault in self.faults:
            fault.set_random_state(state=self.R)
        return self

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, which faults take part, and their severity."""
        super().randomize(None)
        if not self._do_transform:
            return
        of_a_fault, of_compression = (
            low if low == high else self.R.uniform(low, high)
            for low, high in (self.fault_prob_range, self.compression_prob_range)
        )
        keeps_tone = self.tone_fault_prob < 1 and self.R.random_sample() >= self.tone_fault_prob
        may_act = [not (keeps_tone and isinstance(fault, _OF_TONE)) for fault in self.faults]
        draws = self.R.random_sample(len(self.faults))
        probs = [of_compression if isinstance(fault, RandCompression) else of_a_fault for fault in self.faults]
        self.drawn = [may and bool(draw < prob) for may, prob, draw in zip(may_act, probs, draws)]
        if not any(self.drawn):
            possible = [number for number, may in enumerate(may_act) if may]
            self.drawn[possible[self.R.randint(len(possible))]] = True
        for fault in self.faults:
            fault.randomize(None)

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        for fault, takes_part in zip(self.faults, self.drawn):
            if takes_part:
                image = fault.degrade(image, spacing).clamp(0, 1)
        return image


class RandWidePoorQuality(RandPoorQuality):
    """`RandPoorQuality` over wide ranges, with what happens after the detector: for training on images of any kind.

    A network that has seen wide faults restores unknown ones better than one that has seen those of the default
    ranges (docs/source/results.md).

    Args:
        severity: arguments of `RandPoorQuality` that shall be others than in `RandWidePoorQuality.RANGES`.
    """

    RANGES: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "focal_sigma": (0.0, 2.0),
            "motion": (0.0, 4.0),
            "scatter_fraction": (0.0, 0.7),
            "stops": (-1.0, 1.2),
            "photons": (80.0, 4000.0),
            "gamma": (0.6, 1.7),
            "quality": (10, 85),
            "fault_prob": 0.7,
            "compression_prob": 0.6,
        }
    )

    def __init__(self, **severity: Any) -> None:
        super().__init__(**{**self.RANGES, **severity})

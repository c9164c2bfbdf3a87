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

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from monai.networks.layers import apply_filter, gaussian_1d, separable_filtering

from monai_r2c.utils import InputError

from .blur_kernels import ball_kernel, line_kernel
from .degradation import LATITUDE, RandDegradation, check_unit, millimetres, severity_range


class RandRadiographBlur(RandDegradation):
    """Blur of a radiograph: the penumbra of the focal spot, then motion of the patient during the exposure.

    Both are convolutions of the detector's signal with a kernel that is symmetric and sums to one, so edges stay
    where they are and even areas stay as they are; pixels beyond the border repeat the border.

    Args:
        focal_sigma: standard deviation of the focal spot's image along each axis; a number, or the range of a uniform
            draw per image. At least 0; 0 is no penumbra.
        motion: length of a uniform motion along a straight line in a random direction; a number, or the range of a
            uniform draw per image. At least 0; 0 is at rest.
        unit: of `focal_sigma` and `motion`: "pixel", or "mm" by the spacing that the image's meta data state.
        focal_profile: "gaussian", or "disc", an evenly bright round spot (in 3 D a ball, in 1 D an interval) of the
            same standard deviation: radius ``sigma sqrt(dims + 2)``.
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white.
        value_range: gray values of black and of white, such as (-1, 1) after scaling for a network.

    Shape:
        ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`, black is air; the same out.

    Raises:
        InputError: when an argument is out of range; on call, when the image is not as described or, with "mm", is
            of unknown spacing.

    Example:
        >>> blurred = RandRadiographBlur(focal_sigma=0.3, motion=(0, 2), unit="mm", prob=1.0)(film)  # a MetaTensor
    """

    def __init__(
        self,
        *,
        focal_sigma: float | Sequence[float] = (0.4, 1.2),
        motion: float | Sequence[float] = (0.0, 3.0),
        unit: Literal["pixel", "mm"] = "pixel",
        focal_profile: Literal["gaussian", "disc"] = "gaussian",
        prob: float = 0.1,
        latitude: float = LATITUDE,
        value_range: Sequence[float] = (0.0, 1.0),
    ) -> None:
        super().__init__(prob=prob, latitude=latitude, value_range=value_range)
        self.focal_range = severity_range("RandRadiographBlur: focal_sigma", focal_sigma, low=0, high=1000)
        self.motion_range = severity_range("RandRadiographBlur: motion", motion, low=0, high=1000)
        check_unit("RandRadiographBlur", unit)
        if focal_profile not in ("gaussian", "disc"):
            raise InputError(f"RandRadiographBlur: focal_profile must be 'gaussian' or 'disc', got {focal_profile!r}.")
        self.unit = unit
        self.focal_profile = focal_profile
        self.focal_sigma = 0.0
        self.motion = 0.0
        self.direction = np.array([1.0, 0.0, 0.0])

    def randomize(self, data: Any | None = None) -> None:
        """Draw whether to degrade, the focal spot's width, and length and direction of the motion."""
        super().randomize(None)
        if not self._do_transform:
            return
        self.focal_sigma = self._draw(self.focal_range)
        self.motion = self._draw(self.motion_range)
        self.direction = self.R.standard_normal(3)

    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None = None) -> torch.Tensor:
        """See `RandDegradation.degrade`."""
        dims = image.dim() - 1
        steps = self._steps(dims, spacing)
        direction = self.direction[:dims] / np.linalg.norm(self.direction[:dims])
        if self.focal_sigma == 0 and self.motion == 0:
            return image
        signal = self.signal(image)[None]
        signal = self._penumbra(signal, [self.focal_sigma / step for step in steps])
        if self.motion > 0:
            signal = _convolve(signal, line_kernel(self.motion * direction / steps))
        return self.gray(signal[0])

    def _penumbra(self, signal: torch.Tensor, sigmas: Sequence[float]) -> torch.Tensor:
        if self.focal_sigma == 0:
            return signal
        if self.focal_profile == "disc":
            return _convolve(signal, ball_kernel([sigma * math.sqrt(len(sigmas) + 2) for sigma in sigmas]))
        kernels = [gaussian_1d(torch.tensor(sigma), truncated=4.0, approx="erf", normalize=True) for sigma in sigmas]
        return separable_filtering(signal, kernels, mode="replicate")

    def _steps(self, dims: int, spacing: Sequence[float] | None) -> np.ndarray:
        """Units per pixel along each axis."""
        if self.unit == "pixel":
            return np.ones(dims)
        return np.asarray(millimetres("RandRadiographBlur", spacing, dims))


def _convolve(signal: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    margin = [side // 2 for side in reversed(kernel.shape) for _ in (0, 1)]
    return apply_filter(F.pad(signal, margin, mode="replicate"), kernel, padding=0)

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
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from monai.config import NdarrayOrTensor
from monai.data import MetaTensor
from monai.data.meta_obj import get_track_meta
from monai.transforms import RandomizableTransform
from monai.utils import convert_to_dst_type, convert_to_tensor
from monai.utils.enums import TransformBackends

from monai_r2c.utils import InputError

LATITUDE = 1.6


class RandDegradation(RandomizableTransform):
    """What the degradations share: the radiograph as a record of detector signal, and the checks of their input.

    A radiograph's gray g in [0, 1], black is air, is taken to be linear in the logarithm of the detector's signal s, as
    in film and in digital systems before any tone curve: ``s = 10^(-latitude g)``, relative to the signal of a black
    pixel. So a degradation acts on the signal, where its physics is simple, and the result is clipped to [0, 1] as a
    detector saturates.

    Subclasses draw their severity in ``randomize`` and act in ``degrade``.

    Args:
        prob: probability that an image is degraded.
        latitude: decades of detector signal from black to white, above 0.
        value_range: gray values of black and of white; images are scaled from it to [0, 1] and back.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, *, prob: float, latitude: float, value_range: Sequence[float]) -> None:
        if not 0 <= prob <= 1:
            raise InputError(f"{type(self).__name__}: prob must be in [0, 1], got {prob}.")
        if not 0 < latitude < math.inf:
            raise InputError(f"{type(self).__name__}: latitude must be a number of decades above 0, got {latitude}.")
        if len(value_range) != 2 or not -math.inf < value_range[0] < value_range[1] < math.inf:
            raise InputError(
                f"{type(self).__name__}: value_range must be (black, white) in order, got {value_range!r}."
            )
        super().__init__(prob)
        self.latitude = latitude
        self.value_range = (float(value_range[0]), float(value_range[1]))

    def __call__(self, img: NdarrayOrTensor, randomize: bool = True) -> torch.Tensor:
        """Degrade one image.

        Args:
            img: ``(channels, *spatial)`` with 1 to 3 spatial dims, in `value_range`.
            randomize: draw a new severity; otherwise the last one is used again.

        Returns:
            Image of the same shape and meta data, in `value_range`; of the same floating type, and float32 where the
            image has whole numbers, degraded or not.

        Raises:
            InputError: when the image has another number of dims or values outside `value_range`.
        """
        tensor: torch.Tensor = convert_to_tensor(img, track_meta=get_track_meta())
        if not tensor.is_floating_point():
            tensor = tensor.float()
        if randomize:
            self.randomize(None)
        if not self._do_transform:
            return tensor
        values: torch.Tensor = convert_to_tensor(tensor, track_meta=False)
        self._check(values)
        black, white = self.value_range
        gray = ((values.to(torch.float32) - black) / (white - black)).clamp(0, 1)
        degraded = black + (white - black) * self.degrade(gray, spacing_of(img)).clamp(0, 1)
        result: torch.Tensor = convert_to_dst_type(degraded, dst=tensor, dtype=values.dtype)[0]
        return result

    @abstractmethod
    def degrade(self, image: torch.Tensor, spacing: Sequence[float] | None) -> torch.Tensor:
        """Apply the severity drawn last.

        Args:
            image: ``(channels, *spatial)``, float32 in [0, 1], without meta data.
            spacing: distance of neighbouring pixels along each spatial dim in mm, None when it is not known.

        Returns:
            Image of the same shape; values outside [0, 1] are clipped by the caller.
        """

    def signal(self, gray: torch.Tensor) -> torch.Tensor:
        """Detector signal of gray values, in [10^-latitude, 1]: ``10^(-latitude g)``."""
        return torch.pow(10.0, -self.latitude * gray)

    def gray(self, signal: torch.Tensor) -> torch.Tensor:
        """Gray values of detector signal, the inverse of `signal`: ``-log10(s) / latitude``; no signal is white."""
        return -torch.log10(signal.clamp_min(10.0**-self.latitude)) / self.latitude

    def _draw(self, limits: tuple[float, float]) -> float:
        return float(self.R.uniform(*limits))

    def _check(self, values: torch.Tensor) -> None:
        name = type(self).__name__
        if not 2 <= values.dim() <= 4:
            raise InputError(
                f"{name}: an image has a channel and 1 to 3 spatial dims, got the shape {tuple(values.shape)}."
            )
        low, high = (float(v) for v in values.aminmax())
        black, white = self.value_range
        # interpolation may leave the range by a rounding error
        slack = 1e-4 * (white - black)
        if not (low >= black - slack and high <= white + slack):
            raise InputError(f"{name}: gray values must be in [{black:g}, {white:g}], got {low:.4g} to {high:.4g}.")


def spacing_of(img: Any) -> tuple[float, ...] | None:
    """Distance of neighbouring pixels along each spatial dim in mm.

    None for an image without meta data, or whose file stated no spacing when `LoadRadiograph` read it; and for one
    whose affine is the identity, which MONAI gives to what states none, unless ``spacing_source`` says where the
    spacing is from.
    """
    if not isinstance(img, MetaTensor):
        return None
    is_identity = img.affine.equal(torch.eye(len(img.affine)).to(img.affine))
    is_known = img.meta.get("spacing_source", "" if is_identity else "affine") != ""
    return tuple(float(d) for d in img.pixdim)[: img.dim() - 1] if is_known else None


def millimetres(name: str, spacing: Sequence[float] | None, dims: int) -> tuple[float, ...]:
    """Return a known spacing along the first `dims` spatial dims, in mm.

    Raises:
        InputError: when it is not known; `name` says what needs it.
    """
    if spacing is None:
        raise InputError(
            f"{name}: unit 'mm' needs an image whose spacing is known; read it with LoadRadiograph(spacing=...), or a "
            "DICOM file that has ImagerPixelSpacing or PixelSpacing, or state it in the affine of a MetaTensor (1 mm "
            "with meta['spacing_source'] = 'stated')."
        )
    return tuple(spacing[:dims])


def check_unit(name: str, unit: str) -> None:
    """Refuse a unit of lengths that is neither "pixel" nor "mm".

    Raises:
        InputError: at another one.
    """
    if unit not in ("pixel", "mm"):
        raise InputError(f"{name}: unit must be 'pixel' or 'mm', got {unit!r}.")


def severity_range(
    name: str, value: float | Sequence[float], low: float = -math.inf, high: float = math.inf
) -> tuple[float, float]:
    """Return the limits of a severity that is given as one number or as (lowest, highest).

    Args:
        name: transform and argument, for the message.
        value: number or pair.
        low: lowest value allowed, included.
        high: highest value allowed, included.

    Raises:
        InputError: when `value` is neither, its limits are not in order, or a limit is not allowed.
    """
    limits = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value, value)
    numbers = [v for v in limits if isinstance(v, (int, float)) and not isinstance(v, bool)]
    if len(limits) != 2 or len(numbers) != 2 or not low <= numbers[0] <= numbers[1] <= high:
        raise InputError(
            f"{name} must be a number or a pair (lowest, highest) within [{low:g}, {high:g}], got {value!r}."
        )
    return float(numbers[0]), float(numbers[1])

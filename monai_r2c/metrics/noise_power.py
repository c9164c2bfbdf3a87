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

import numpy as np
import torch


def noise_power_spectrum(
    noise: np.ndarray | torch.Tensor, side: int = 128, spacing: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Radial noise power spectrum of an image of noise, or of what lies between an image and its original.

    Half-overlapping squares lose their best plane (slow trends of exposure are no noise), and their periodograms are
    averaged over squares and directions: ``NPS(f) = spacing^2 / side^2 <|DFT|^2>``. White noise has the same power at
    all frequencies, its variance times ``spacing^2`` (the planes take a little of the two lowest); the integral over
    both dimensions of frequency is the variance.

    Args:
        noise: ``(rows, columns)``, optionally with a leading 1.
        side: of the squares in pixels, at least 8.
        spacing: of the pixels in mm; 1 gives the frequencies in cycles a pixel.

    Returns:
        Frequencies ``(side / 2,)`` in cycles a unit of `spacing`, without 0 and up to Nyquist's, and the power at each,
        in squared gray times squared units of `spacing`.

    Raises:
        ValueError: when `side` or `spacing` is too small, or the noise has another shape, is smaller than a square or
            has values that are not finite.

    Source: IEC 62220-1-1:2015, section 6.3; J. Cunningham in Handbook of Medical Imaging 1 (2000), chapter 2.

    Example:
        >>> frequencies, power = noise_power_spectrum(0.1 * torch.randn(512, 512))  # power is about 0.01 everywhere
    """
    if side < 8 or not 0 < spacing < np.inf:
        raise ValueError(f"side must be at least 8 pixels and spacing above 0, got {side} and {spacing}.")
    values = np.asarray(torch.as_tensor(noise).detach().cpu(), dtype=np.float64)
    values = values[0] if values.ndim == 3 and len(values) == 1 else values
    if values.ndim != 2 or min(values.shape) < side:
        raise ValueError(f"noise must be (rows, columns) of at least {side} pixels a side, got {np.shape(noise)}.")
    if not np.isfinite(values).all():
        raise ValueError("noise must have finite values.")
    along = (np.arange(side) - (side - 1) / 2) / np.sqrt(side * np.square(np.arange(side) - (side - 1) / 2).sum())
    power, count = np.zeros((side, side)), 0
    for row in _starts(values.shape[0], side):
        for column in _starts(values.shape[1], side):
            square = values[row : row + side, column : column + side]
            square = square - square.mean()
            square = square - along[:, None] * (along @ square.sum(1)) - along[None] * (square.sum(0) @ along)
            power += np.square(np.abs(np.fft.fft2(square)))
            count += 1
    power *= spacing**2 / (count * side**2)
    axis = np.fft.fftfreq(side) * side
    ring = np.rint(np.hypot(axis[:, None], axis[None])).astype(int).ravel()
    # a square of noise has corners beyond Nyquist's frequency, which belong to no ring
    sums, counts = (np.bincount(ring, weights)[1 : side // 2 + 1] for weights in (power.ravel(), None))
    return np.arange(1, side // 2 + 1) / (side * spacing), sums / counts


def _starts(length: int, side: int) -> range:
    return range(0, length - side + 1, side // 2)

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

QUARTER = 0.25  # of the sampling frequency, in cycles a pixel
_NYQUIST_WIDTH = 1 / 32


def spectrum(image: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fourier transform of ``(1, rows, columns)`` under a Hann window, and the frequencies of rows and of columns.

    It is scaled so that the squared absolute values add up to the mean square of the image where the window is 1.
    """
    values = np.asarray(image[0], dtype=np.float64)
    window = np.outer(*(np.hanning(length + 2)[1:-1] for length in values.shape))
    transformed = np.fft.fft2((values - values.mean()) * window) / np.sqrt(values.size * np.square(window).sum())
    rows, columns = np.meshgrid(*(np.fft.fftfreq(length) for length in values.shape), indexing="ij")
    return transformed, rows, columns


def detail_snr(image: torch.Tensor, reference: torch.Tensor) -> float:
    """Signal to noise in dB of the band above a quarter of the sampling frequency, the reference being the signal.

    An image without that band has 0 dB, one whose band is more wrong than nothing is negative.
    """
    ours, theirs = (_fine(values) for values in (image, reference))
    return _decibel(_energy(theirs), _energy(ours - theirs))


def detail_energy(image: torch.Tensor, reference: torch.Tensor) -> float:
    """Energy of that band relative to the reference's, in dB: below 0 is smoother, above is rougher."""
    return _decibel(_energy(_fine(image)), _energy(_fine(reference)))


def checkerboard_energy(image: torch.Tensor) -> float:
    """Mean square of the patterns of two pixels' period (columns, rows, chequers): what strided up-sampling leaves."""
    transformed, rows, columns = spectrum(image)
    at_half = [np.abs(np.abs(axis) - 0.5) <= _NYQUIST_WIDTH for axis in (rows, columns)]
    at_zero = [np.abs(axis) <= _NYQUIST_WIDTH for axis in (rows, columns)]
    patterns = at_half[0] & at_half[1] | at_half[0] & at_zero[1] | at_zero[0] & at_half[1]
    return _energy(transformed[patterns])


def _fine(image: torch.Tensor) -> np.ndarray:
    transformed, rows, columns = spectrum(image)
    return transformed[np.hypot(rows, columns) > QUARTER]


def _energy(values: np.ndarray) -> float:
    return float(np.square(np.abs(values)).sum())


def _decibel(signal: float, noise: float) -> float:
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal > 0 else float("-inf")

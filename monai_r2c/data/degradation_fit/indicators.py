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

from itertools import pairwise

import numpy as np
from scipy.fft import dctn

_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_BANDS = 6
_BLOCK = 8
_DIRECTED = ((0.08, 0.2), (0.2, 0.4))
# an 8-bit image cannot be quieter
_FLOOR = 1 / 255 / 16

INDICATORS: tuple[str, ...] = (
    *(f"gray p{p}" for p in _PERCENTILES),
    "clipped black",
    "clipped white",
    "noise in dark parts",
    "noise in bright parts",
    *(f"power, band {band + 1}" for band in range(_BANDS)),
    "directedness, low bands",
    "directedness, high bands",
    "block edges",
    "empty fine detail",
)


def image_indicators(images: np.ndarray) -> np.ndarray:
    """Measure how images are bad: exposure, clipping, noise, sharpness and compression, without a reference.

    Args:
        images: ``(images, rows, columns)`` in [0, 1], all sides a multiple of 8 and at least 32 pixels.

    Returns:
        ``(images, len(INDICATORS))``, named by `INDICATORS`: percentiles and shares of clipped pixels in units of gray;
        noise (median absolute diagonal Haar detail over 0.6745) of the darker and the brighter half, and power in
        octave-like rings up to the highest frequency, as natural logarithms; in two wider rings the logarithm of the
        power in the strongest of eight directions over that in the weakest, which motion raises; the logarithm of the
        mean step across borders of 8 x 8 blocks over that elsewhere, for the grid's likeliest place; and the share of
        blocks whose highest quarter of frequencies is empty.
    """
    gray = np.percentile(images, _PERCENTILES, axis=(1, 2)).T
    columns = [
        gray,
        np.mean(images <= 0.5 / 255, axis=(1, 2))[:, None],
        np.mean(images >= 1 - 0.5 / 255, axis=(1, 2))[:, None],
        _noise(images, gray[:, _PERCENTILES.index(50)]),
        _band_powers(images),
        _block_edges(images)[:, None],
        _empty_detail(images)[:, None],
    ]
    return np.concatenate(columns, axis=1)


def _noise(images: np.ndarray, median: np.ndarray) -> np.ndarray:
    a, b = images[:, ::2, ::2], images[:, ::2, 1::2]
    c, d = images[:, 1::2, ::2], images[:, 1::2, 1::2]
    detail, level = np.abs(a - b - c + d) / 2, (a + b + c + d) / 4
    dark = level <= median[:, None, None]
    # clipped parts are silent whatever the dose
    seen = (level > 1 / 255) & (level < 1 - 1 / 255)
    halves = [
        [np.median(own[mask]) if mask.any() else 0.0 for own, mask in zip(detail, half)]
        for half in (dark & seen, ~dark & seen)
    ]
    return np.log(np.transpose(halves) / 0.6745 + _FLOOR)


def _band_powers(images: np.ndarray) -> np.ndarray:
    rows, columns = images.shape[1:]
    window = np.outer(np.hanning(rows), np.hanning(columns))
    centred = (images - images.mean(axis=(1, 2), keepdims=True)) * window
    power = np.square(np.abs(np.fft.rfft2(centred))) / np.square(window).sum()
    radius = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    edges = np.geomspace(0.02, 0.5, _BANDS + 1)
    rings = [(radius >= low) & (radius < high) for low, high in pairwise(edges)]
    bands = [power[:, ring].mean(axis=1) for ring in rings]
    angle = np.arctan2(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None]) % np.pi
    directed = []
    for low, high in _DIRECTED:
        ring = (radius >= low) & (radius < high)
        sectors = [
            power[:, ring & (angle >= turn * np.pi / 8) & (angle < (turn + 1) * np.pi / 8)].mean(axis=1) + _FLOOR**2
            for turn in range(8)
        ]
        directed.append(np.max(sectors, axis=0) / np.min(sectors, axis=0))
    return np.log(np.stack([*(band + _FLOOR**2 for band in bands), *directed], axis=1))


def _block_edges(images: np.ndarray) -> np.ndarray:
    ratios = []
    for axis in (1, 2):
        other = 3 - axis
        steps = np.abs(np.diff(images, axis=axis)).mean(axis=other) + _FLOOR
        phases = np.stack([steps[:, phase::_BLOCK].mean(axis=1) for phase in range(_BLOCK)], axis=1)
        highest = phases.max(axis=1)
        ratios.append(highest / ((phases.sum(axis=1) - highest) / (_BLOCK - 1)))
    return np.log(np.mean(ratios, axis=0))


def _empty_detail(images: np.ndarray) -> np.ndarray:
    count, rows, columns = images.shape
    blocks = images.reshape(count, rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK).transpose(0, 1, 3, 2, 4)
    fine = np.abs(dctn(blocks, axes=(3, 4), norm="ortho")[..., _BLOCK // 2 :, _BLOCK // 2 :])
    # less than a rounding of 8 bits leaves
    return np.mean(fine.max(axis=(3, 4)) < 1.5 / 255, axis=(1, 2))

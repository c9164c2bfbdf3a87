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

import numpy as np
from scipy.signal import fftconvolve

from .detector import Detector


def ellipsoid(
    detector: Detector, centre: tuple[float, float], semi_axes: tuple[float, float, float], angle: float = 0.0
) -> np.ndarray:
    """Path of each ray through an ellipsoid: ``2 c sqrt(1 - (u / a)^2 - (v / b)^2)`` inside, else 0.

    Args:
        detector: where the rays end.
        centre: x and y, in cm.
        semi_axes: a and b in the image plane, c along the ray, in cm.
        angle: of the axis a from x towards y, in radians.

    Returns:
        Path lengths of all samples, in cm.
    """
    x, y = detector.body
    dx, dy = x - centre[0], y - centre[1]
    u = math.cos(angle) * dx + math.sin(angle) * dy
    v = math.cos(angle) * dy - math.sin(angle) * dx
    return 2 * semi_axes[2] * np.sqrt(np.clip(1 - (u / semi_axes[0]) ** 2 - (v / semi_axes[1]) ** 2, 0, None))


def column(across: np.ndarray, half_depth: np.ndarray | float, exponent: float = 2.0) -> np.ndarray:
    """Path through a column along y with superelliptic cross-section: ``2 d (1 - |s|^p)^(1/p)`` inside, else 0.

    Args:
        across: position s across the column, in units of its half width.
        half_depth: d, half of the column's extent along the ray, in cm.
        exponent: p; 2 is an ellipse, more is boxier.

    Returns:
        Path lengths, in cm.
    """
    return 2 * half_depth * np.clip(1 - np.abs(across) ** exponent, 0, None) ** (1 / exponent)


def tubes(detector: Detector, lines: np.ndarray, radius: float, flatness: float | np.ndarray = 1.0) -> np.ndarray:
    """Path of each ray through round tubes, or through flat ones of the same height.

    Each short piece of a tube lays its volume onto the detector as a uniform disc of the tube's radius: exact for round
    tubes across the rays (``2 sqrt(r^2 - d^2)``) and along them, and smooth between.

    Args:
        detector: where the rays end.
        lines: (tubes, points, 3) x, y and z along each centre line, in cm.
        radius: of all tubes, in cm.
        flatness: share of the round tube's volume, for all tubes or (tubes,) for each.

    Returns:
        Path lengths of all samples, in cm, summed where tubes overlap.
    """
    start, way = lines[:, :-1], np.diff(lines, axis=1)
    longest = np.linalg.norm(way[..., :2], axis=-1).max()
    pieces = max(1, int(np.ceil(longest / (0.7 * detector.spacing))))
    middle = start + ((np.arange(pieces) + 0.5) / pieces)[:, None, None, None] * way
    volume = np.pi * radius**2 * np.reshape(flatness, (-1, 1)) * np.linalg.norm(way, axis=-1) / pieces
    row, col = detector.locate(middle[..., 0].ravel(), middle[..., 1].ravel())
    # a piece's volume over the area of a sample is its mean path there
    laid = _lay(row, col, np.broadcast_to(volume / detector.spacing**2, middle.shape[:-1]).ravel(), detector)
    return np.clip(fftconvolve(laid, _disc(radius / detector.spacing), mode="same"), 0, None)


def smooth_step(x: np.ndarray) -> np.ndarray:
    """Rise from 0 at ``x <= -1`` to 1 at ``x >= 1``, with level ends."""
    t = np.clip((x + 1) / 2, 0, 1)
    return t * t * (3 - 2 * t)


def _lay(row: np.ndarray, col: np.ndarray, amount: np.ndarray, detector: Detector) -> np.ndarray:
    """Share each amount among its four nearest samples, so that it does not jump with its position."""
    count = detector.size * detector.samples_per_pixel
    # what lies beyond the field of view falls on a margin that is cut off
    row, col = np.clip(row + 1, 0, count + 1), np.clip(col + 1, 0, count + 1)
    top, left = (np.minimum(at.astype(np.intp), count) for at in (row, col))
    laid = np.zeros((count + 2) ** 2)
    for i, in_row in ((0, 1 - (row - top)), (1, row - top)):
        for j, in_col in ((0, 1 - (col - left)), (1, col - left)):
            place = (top + i) * (count + 2) + left + j
            laid += np.bincount(place, weights=amount * in_row * in_col, minlength=laid.size)
    return laid.reshape(count + 2, count + 2)[1:-1, 1:-1].astype(np.float32)


def _disc(radius: float) -> np.ndarray:
    """Disc of `radius` samples with a soft edge one sample wide; sums to one."""
    reach = int(np.ceil(radius + 0.5))
    along = np.arange(-reach, reach + 1)
    disc = np.clip(radius + 0.5 - np.hypot(along[:, None], along[None]), 0, 1)
    return (disc / disc.sum()).astype(np.float32)

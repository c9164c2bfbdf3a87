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

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.signal import fftconvolve


@dataclass(frozen=True)
class Detector:
    """A square detector behind the body, sampled several times a pixel; rays run along z, parallel.

    Attributes:
        size: pixels along rows and columns of the image.
        width: side of the field of view, in cm.
        tilt: rotation of the body in the image plane, in radians.
        shift: displacement of the body along x and y, in cm.
    """

    size: int
    width: float = 35.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def samples_per_pixel(self) -> int:
        """Samples along one side of a pixel; at least 256 along the detector, so that ribs span several."""
        return max(2, -(-256 // self.size))

    @property
    def spacing(self) -> float:
        """Distance of neighbouring samples, in cm."""
        return self.width / (self.size * self.samples_per_pixel)

    @cached_property
    def body(self) -> tuple[np.ndarray, np.ndarray]:
        """Body coordinates x (to the patient's left) and y (to the feet) of all samples, in cm."""
        count = self.size * self.samples_per_pixel
        along = (np.arange(count) + 0.5) * self.spacing - self.width / 2
        x, y = np.meshgrid(along - self.shift[0], along - self.shift[1])
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        return (cos * x + sin * y).astype(np.float32), (cos * y - sin * x).astype(np.float32)

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column, in samples, of body coordinates in cm: the inverse of `body`."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        column = (cos * x - sin * y + self.shift[0] + self.width / 2) / self.spacing - 0.5
        row = (sin * x + cos * y + self.shift[1] + self.width / 2) / self.spacing - 0.5
        return row, column

    def integrate(self, samples: np.ndarray) -> np.ndarray:
        """Mean of each pixel's samples: (size, size)."""
        n = self.samples_per_pixel
        return samples.reshape(self.size, n, self.size, n).mean(axis=(1, 3))


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
    u = np.cos(angle) * dx + np.sin(angle) * dy
    v = np.cos(angle) * dy - np.sin(angle) * dx
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


def tube(detector: Detector, points: np.ndarray, radius: float) -> np.ndarray:
    """Path of each ray through round tubes.

    Each short piece of a tube lays its volume onto the detector as a uniform disc of the tube's radius: exact for
    tubes across the rays (``2 sqrt(r^2 - d^2)``) and along them, and smooth between.

    Args:
        detector: where the rays end.
        points: (tubes, points, 3) x, y and z along each centre line, in cm.
        radius: in cm.

    Returns:
        Path lengths of all samples, in cm.
    """
    start, end = points[:, :-1], points[:, 1:]
    steps = np.linspace(0, 1, max(1, _pieces(points, detector.spacing)), endpoint=False)[:, None, None, None]
    middle = start + (steps + 0.5 / len(steps)) * (end - start)
    length = np.broadcast_to(np.linalg.norm(end - start, axis=-1) / len(steps), middle.shape[:-1])
    row, col = detector.locate(middle[..., 0].ravel(), middle[..., 1].ravel())
    # volume of a piece over the area of a sample is the piece's mean path there
    laid = _lay(row, col, (np.pi * radius**2 * length).ravel() / detector.spacing**2, detector)
    return np.clip(fftconvolve(laid.astype(np.float32), _disc(radius / detector.spacing), mode="same"), 0, None)


def smooth_step(x: np.ndarray) -> np.ndarray:
    """Rise from 0 at ``x <= -1`` to 1 at ``x >= 1``, with level ends."""
    t = np.clip((x + 1) / 2, 0, 1)
    return t * t * (3 - 2 * t)


def _pieces(points: np.ndarray, spacing: float) -> int:
    longest = np.linalg.norm(np.diff(points[..., :2], axis=1), axis=-1).max()
    return int(np.ceil(longest / (0.7 * spacing)))


def _lay(row: np.ndarray, col: np.ndarray, amount: np.ndarray, detector: Detector) -> np.ndarray:
    """Share each amount among its four nearest samples, so that it does not jump with its position."""
    count = detector.size * detector.samples_per_pixel
    laid = np.zeros((count + 2) ** 2)
    top, left = np.floor(row), np.floor(col)
    for i in (0, 1):
        for j in (0, 1):
            share = np.abs(1 - i - (row - top)) * np.abs(1 - j - (col - left))
            # everything beyond the field of view falls on a margin that is cut off
            r = np.clip(top + i + 1, 0, count + 1).astype(np.intp)
            c = np.clip(left + j + 1, 0, count + 1).astype(np.intp)
            laid += np.bincount(r * (count + 2) + c, weights=amount * share, minlength=laid.size)
    return laid.reshape(count + 2, count + 2)[1:-1, 1:-1]


def _disc(radius: float) -> np.ndarray:
    """Disc of `radius` samples with a soft edge one sample wide; sums to one."""
    reach = int(np.ceil(radius + 0.5))
    along = np.arange(-reach, reach + 1)
    disc = np.clip(radius + 0.5 - np.hypot(along[:, None], along[None]), 0, 1)
    return (disc / disc.sum()).astype(np.float32)

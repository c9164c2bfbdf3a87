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

from .anatomy import Anatomy
from .detector import Detector
from .lungs import outline
from .shapes import ellipsoid, tubes

# cm; from the hilum outwards
TRUNK_RADIUS, BRANCH_RADIUS, TWIG_RADIUS = 0.50, 0.32, 0.19
POINTS = 32


def vessels(anatomy: Anatomy, detector: Detector, rng: np.random.Generator) -> np.ndarray:
    """Path of each ray through hila and pulmonary vessels, in cm; vessels fan out from the hilum, taper and branch."""
    trunks, branches, twigs = [], [], []
    hila = np.zeros_like(detector.body[0])
    for side, (x, y) in enumerate(((-3.4, -1.2), (3.6, -2.0))):
        hilum = np.array([x, y]) + rng.normal(0, 0.2, 2)
        hila += ellipsoid(detector, (float(hilum[0]), float(hilum[1]) + 0.5), (1.0, 2.0, 1.2))
        angles = np.linspace(-1.35, 1.35, 9) + rng.normal(0, 0.08, 9)
        stems = _courses(hilum, _towards(anatomy, side, hilum, angles, rng.uniform(0.75, 0.92, 9)), rng)
        trunks.append(stems[:, :12])
        branches.append(stems[:, 11:22])
        twigs.append(stems[:, 21:])
        forks = stems[:, [8, 14, 19], :2].reshape(-1, 2)
        turns = rng.choice([-1, 1], len(forks)) * rng.uniform(0.4, 0.8, len(forks))
        ends = _towards(anatomy, side, forks, np.repeat(angles, 3) + turns, 0.7)
        twigs.append(_courses(forks, ends, rng)[:, :11])
    by_radius = ((trunks, TRUNK_RADIUS), (branches, BRANCH_RADIUS), (twigs, TWIG_RADIUS))
    return hila + sum(tubes(detector, np.concatenate(lines), radius) for lines, radius in by_radius)


def _towards(
    anatomy: Anatomy, side: int, start: np.ndarray, angles: np.ndarray, share: float | np.ndarray
) -> np.ndarray:
    """Points at `share` of the way from `start` to the lung's edge, in directions below the outward horizontal."""
    y = np.clip(start[..., 1] + 16 * np.sin(angles), anatomy.apex[side] + 1, anatomy.base[side] - 2)
    middle, half_width = outline(anatomy, side, y)
    reach = np.abs(start[..., 0]) + 16 * np.cos(angles)
    x = (-1, 1)[side] * np.clip(reach, np.abs(middle) - 0.6 * half_width, np.abs(middle) + half_width)
    return start + np.reshape(share, (-1, 1)) * (np.stack([x, y], axis=-1) - start)


def _courses(start: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gently bent lines: (lines, POINTS, 3)."""
    s = np.linspace(0, 1, POINTS)[:, None]
    along = end - start
    bend = rng.normal(0, 0.10, (len(end), 1)) * np.stack([-along[:, 1], along[:, 0]], axis=-1)
    flat = np.broadcast_to(start, end.shape)[:, None] + s * along[:, None] + 4 * s * (1 - s) * bend[:, None]
    return np.concatenate([flat, rng.uniform(-4, 4, (len(end), 1, 1)) * s], axis=-1)

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

import numpy as np

from .anatomy import Anatomy
from .detector import Detector
from .shapes import column, smooth_step


@dataclass(frozen=True)
class Lung:
    """One lung as the rays see it.

    Attributes:
        path: path through the lung, in cm, before heart and vessels take their share.
        across: position from the middle (0) to the outer edge (1) and the inner edge (-1).
        down: position from apex (0) to base (1).
    """

    path: np.ndarray
    across: np.ndarray
    down: np.ndarray


def outline(anatomy: Anatomy, side: int, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle (x) and half width of a lung at height y, in cm; `side` is 0 for the right, 1 for the left lung."""
    down = np.clip((y - anatomy.apex[side]) / (anatomy.base[side] - anatomy.apex[side]), 0, 1)
    widest = anatomy.lung_half_width[side]
    half_width = widest * (1 - (1 - down) ** 2.7) ** (1 / 2.1)
    middle = 4.2 + (widest + 1.5 - 4.2) * down**0.75
    return (-middle, middle)[side], half_width


def project_lung(anatomy: Anatomy, detector: Detector, side: int) -> Lung:
    """Paths of the rays through a lung: superelliptic at every height, closed below by the diaphragm's dome."""
    x, y = detector.body
    down = (y - anatomy.apex[side]) / (anatomy.base[side] - anatomy.apex[side])
    middle, half_width = outline(anatomy, side, y)
    outward = (-1, 1)[side]
    across = outward * (x - middle) / np.maximum(half_width, 1e-6)
    depth = anatomy.lung_half_depth * np.clip(half_width / anatomy.lung_half_width[side], 0, 1)
    path = np.where(down > 0, column(across, depth, exponent=2.6), 0.0)

    reach = anatomy.lung_half_width[side] * 1.35
    u = np.clip((outward * x - anatomy.lung_half_width[side]) / reach, -0.999, 0.999)
    dome = anatomy.dome[side] + 5.2 * (1 - np.sqrt(1 - u**2))
    above = smooth_step((dome - y) / 0.25)
    # lung behind the dome, in the posterior recess, thins out downwards
    recess = 0.12 * smooth_step((dome + 2.0 - y) / 2.0)
    return Lung(path * np.maximum(above, recess), across, down)

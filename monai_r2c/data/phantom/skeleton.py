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
from .shapes import tubes

CORTEX = 0.72  # inner over outer radius of a bone's shell
POINTS = 32


def bones(anatomy: Anatomy, detector: Detector) -> tuple[np.ndarray, np.ndarray]:
    """Paths of the rays through cortical and through spongy bone of ribs and clavicles, in cm."""
    flat, round_ = ribs(anatomy), clavicles(anatomy)
    lines = np.concatenate([flat, round_])
    flatness = np.repeat([0.6, 1.0], [len(flat), len(round_)])
    whole = tubes(detector, lines, anatomy.rib_radius, flatness)
    spongy = tubes(detector, lines, CORTEX * anatomy.rib_radius, flatness)
    return np.clip(whole - spongy, 0, None), spongy


def ribs(anatomy: Anatomy, count: int = 9) -> np.ndarray:
    """Centre lines of the ribs of both sides: (2 count, points, 3), in cm.

    Seen from the front, a rib leaves the spine, turns down at the side and comes back lower in front, as half an
    ellipse seen obliquely: ``x = w sin a``, ``z = -d cos a``, ``y = y0 + h (1 - cos a)``.
    """
    lines = []
    for side, outward in enumerate((-1, 1)):
        for number in range(count):
            spine = anatomy.first_rib + anatomy.rib_spacing * number
            drop = anatomy.rib_drop * min(1.0, 0.45 + 0.14 * number)
            middle, half_width = outline(anatomy, side, np.asarray(spine + drop))
            width = abs(float(middle)) + float(half_width) - 0.1
            # lower ribs end further from the breastbone, in cartilage that casts no shadow
            front = 2.45 - 0.07 * number
            a = np.linspace(0.12, front, POINTS)
            # near the spine a rib first rises a little
            y = spine + drop * (1 - np.cos(a)) - 0.5 * np.sin(2 * np.clip(a, 0, np.pi / 2))
            x = outward * width * np.sin(a) + anatomy.spine_curve * (1 + np.cos(a)) / 2
            lines.append(np.stack([x, y, -0.9 * anatomy.half_depth * np.cos(a)], axis=-1))
    return np.stack(lines)


def clavicles(anatomy: Anatomy) -> np.ndarray:
    """Centre lines of both clavicles, S-shaped: (2, points, 3), in cm."""
    lines = []
    for side, outward in enumerate((-1, 1)):
        medial, lateral = anatomy.clavicle[0][side], anatomy.clavicle[1][side]
        s = np.linspace(0, 1, POINTS)
        y = medial + (lateral - medial) * s - 0.5 * np.sin(2 * np.pi * s)
        lines.append(np.stack([outward * (1.9 + 14.5 * s), y, np.full_like(s, 6.0)], axis=-1))
    return np.stack(lines)


def vertebrae(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through the spongy bone of the vertebral bodies and processes, in cm."""
    x, y = detector.body
    x = x - anatomy.spine_curve * np.cos(y / 9)
    level = np.mod((y - anatomy.first_rib) / anatomy.rib_spacing, 1) - 0.5
    half_width = 1.55 + 0.02 * (y + 15)
    # bodies alternate with discs; their waist is narrower than their ends
    body = np.clip((0.40 - np.abs(level)) / 0.05, 0, 1) * np.clip(
        (half_width * (0.9 + 0.6 * level**2) - np.abs(x)) / 0.2, 0, 1
    )
    pedicles = np.clip(1 - np.hypot(np.abs(x) - 0.75 * half_width, 2.4 * (level + 0.12)) / 0.45, 0, 1)
    process = np.clip(1 - np.hypot(x / 0.45, (level - 0.25) / 0.35), 0, 1)
    return 2.2 * body + 1.6 * pedicles + 1.8 * process


def shoulder_blades(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through shoulder blades and upper arm heads, in cm of spongy bone."""
    x, y = detector.body
    path = np.zeros_like(x)
    for side, outward in enumerate((-1, 1)):
        top = anatomy.clavicle[1][side] + 1.5
        u = outward * x
        medial = 11.0 + 0.10 * (y - top)
        lateral = 15.6 - 0.26 * (y - top)
        inside = np.minimum(np.minimum(u - medial, lateral - u), np.minimum(y - top - 0.15 * (16 - u), top + 13 - y))
        # a thin plate with a thick rim
        path += 0.25 * np.clip(inside / 0.2, 0, 1) + 0.5 * np.clip(1 - np.abs(inside - 0.25) / 0.3, 0, 1)
        path += 1.6 * np.sqrt(np.clip(1 - ((u - 18.2) ** 2 + (y - top - 1.5) ** 2) / 2.6**2, 0, None))
    return path

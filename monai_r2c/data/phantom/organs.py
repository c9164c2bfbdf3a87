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
from .shapes import column, ellipsoid, smooth_step, tubes


def trunk(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through trunk, neck and arms, in cm."""
    x, y = detector.body
    shoulder = anatomy.shoulder_top + anatomy.shoulder_slope * np.abs(x)
    rounded = np.sqrt(np.clip((y - shoulder) / 7, 0, 1))
    # the trunk narrows from the armpits to the waist
    width = anatomy.half_width + 0.8 - 0.03 * np.abs(y - 2)
    chest = rounded * column(x / width, anatomy.half_depth, exponent=2.8)
    neck = smooth_step((4 - y + anatomy.shoulder_top) / 8) * column(x / 5.6, 6.0)
    arms = [rounded * column((x - outward * (width + 2.6 + 0.10 * (y + 8))) / 4.2, 4.2) for outward in (-1, 1)]
    return np.maximum.reduce([chest, neck, *arms])


def heart_and_mediastinum(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through heart and great vessels, in cm."""
    x, y = detector.body
    heart = ellipsoid(detector, anatomy.heart_centre, anatomy.heart_semi_axes, anatomy.heart_angle)
    # great vessels: narrowest above the heart, wider to the neck and the diaphragm
    half_width = anatomy.mediastinum_half_width + 0.012 * (y + 6) ** 2
    mediastinum = column((x - 0.2 - 0.3 * np.cos(y / 3)) / half_width, 5.5, exponent=2.2)
    knob_x, knob_y, radius = anatomy.aortic_knob
    aorta = ellipsoid(detector, (knob_x, knob_y), (radius, 1.2 * radius, 1.5 * radius))
    pulmonary = ellipsoid(detector, (2.9, knob_y + 3.4), (1.5, 2.6, 1.9), 0.3)
    descending = np.where(y > knob_y, column((x - 2.0 + 0.05 * (y - knob_y)) / 1.5, 1.3), 0.0)
    return np.maximum.reduce([heart, mediastinum, aorta, pulmonary, descending])


def airways(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through the air of trachea and main bronchi, in cm."""
    x, y = detector.body
    carina = anatomy.first_rib + 4.6 * anatomy.rib_spacing
    trachea = column((x + 0.02 * (y + 19)) / 0.95, 0.95) * smooth_step((carina - y) / 0.6)
    bronchi = []
    for outward, fall in ((-1, 1.0), (1, 0.65)):
        s = np.linspace(0, 1, 8)[:, None]
        start, end = np.array([0.0, carina - 0.3, 0.0]), np.array([outward * 3.6, carina + 4.2 * fall, 0.0])
        bronchi.append(start + s * (end - start))
    return trachea + tubes(detector, np.stack(bronchi), 0.6, 0.9)


def gastric_bubble(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through the air in the stomach, in cm."""
    radius = anatomy.gastric_bubble
    if radius < 0.4:
        return np.zeros_like(detector.body[0])
    return ellipsoid(detector, (6.2, anatomy.dome[1] + 1.0 + radius), (1.7 * radius, radius, 1.5 * radius))


def breasts(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    """Path of each ray through both breasts, in cm."""
    if anatomy.breast < 0.3:
        return np.zeros_like(detector.body[0])
    axes = (5.5, 5.5, anatomy.breast)
    return ellipsoid(detector, (-8.5, 6.0), axes) + ellipsoid(detector, (8.5, 6.2), axes)

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
from .lungs import Lung, outline, project_lung
from .shapes import Detector, column, ellipsoid, smooth_step, tube
from .skeleton import bones, shoulder_blades, vertebrae

# linear attenuation coefficients at 60 keV, the mean energy of a 120 kV chest film, in 1/cm (NIST: mass coefficient x
# density)
SOFT_TISSUE = 0.205
CORTICAL_BONE = 0.60
SPONGY_BONE = 0.28


@dataclass(frozen=True)
class Projection:
    """The rays' way through a healthy chest.

    Attributes:
        attenuation: line integral of the attenuation coefficient, dimensionless (nepers).
        aerated: path through air-filled lung, in cm, right and left: heart, mediastinum and vessels are left out.
        lungs: right and left.
    """

    attenuation: np.ndarray
    aerated: tuple[np.ndarray, np.ndarray]
    lungs: tuple[Lung, Lung]


def project(anatomy: Anatomy, detector: Detector, rng: np.random.Generator) -> Projection:
    """Project a chest onto the detector by Beer-Lambert's law.

    Args:
        anatomy: the body.
        detector: where the rays end.
        rng: draws the course of the lungs' vessels.

    Returns:
        Line integrals over all samples of the detector.
    """
    trunk = _trunk(anatomy, detector)
    middle = _heart_and_mediastinum(anatomy, detector)
    lungs = (project_lung(anatomy, detector, 0), project_lung(anatomy, detector, 1))
    soft = trunk + _breasts(anatomy, detector)
    aerated = []
    for side, lung in enumerate(lungs):
        within = np.minimum(lung.path, np.clip(trunk - 3.0, 0, None))
        vessels = _vessels(anatomy, detector, side, rng)
        air_filled = np.clip(within - middle - vessels, 0.1 * within, None)
        aerated.append(air_filled)
        soft -= (1 - anatomy.lung_density / 1.05) * air_filled
    soft -= np.minimum(_airways(anatomy, detector) + _gastric_bubble(anatomy, detector), 0.5 * trunk)

    cortical, spongy = bones(anatomy, detector)
    spongy = spongy + vertebrae(anatomy, detector) + shoulder_blades(anatomy, detector)
    bone = (CORTICAL_BONE - SOFT_TISSUE) * cortical + (SPONGY_BONE - SOFT_TISSUE) * spongy
    # bones stop where the body does
    bone = anatomy.bone_density * bone * np.clip(trunk / 3.0, 0, 1)
    return Projection(SOFT_TISSUE * np.clip(soft, 0, None) + bone, (aerated[0], aerated[1]), lungs)


def _trunk(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    x, y = detector.body
    shoulder = anatomy.shoulder_top + anatomy.shoulder_slope * np.abs(x)
    rounded = np.sqrt(np.clip((y - shoulder) / 7, 0, 1))
    # the trunk narrows from the armpits to the waist
    width = anatomy.half_width + 0.8 - 0.03 * np.abs(y - 2)
    trunk = rounded * column(x / width, anatomy.half_depth, exponent=2.8)
    neck = smooth_step((4 - y + anatomy.shoulder_top) / 8) * column(x / 5.6, 6.0)
    arms = [rounded * column((x - outward * (width + 2.6 + 0.10 * (y + 8))) / 4.2, 4.2) for outward in (-1, 1)]
    return np.maximum.reduce([trunk, neck, *arms])


def _heart_and_mediastinum(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    x, y = detector.body
    heart = ellipsoid(detector, anatomy.heart_centre, anatomy.heart_semi_axes, anatomy.heart_angle)
    # great vessels: narrowest above the heart, wider to the neck and the diaphragm
    half_width = anatomy.mediastinum_half_width + 0.012 * (y + 6) ** 2
    mediastinum = column((x - 0.2 - 0.3 * np.cos(y / 3)) / half_width, 5.5, exponent=2.2)
    knob_x, knob_y, radius = anatomy.aortic_knob
    aorta = ellipsoid(detector, (knob_x, knob_y), (radius, 1.2 * radius, 1.5 * radius))
    pulmonary = ellipsoid(detector, (2.9, knob_y + 3.4), (1.5, 2.6, 1.9), 0.3)
    descending = np.where(y > knob_y, column((x - 2.0 + 0.05 * (y - knob_y)) / 1.5, 1.3), 0.0)
    return np.maximum.reduce([heart, mediastinum, aorta, pulmonary]) + np.where(mediastinum > 0, 0.0, descending)


def _vessels(anatomy: Anatomy, detector: Detector, side: int, rng: np.random.Generator) -> np.ndarray:
    """Pulmonary vessels: they fan out from the hilum, branch once and taper."""
    hilum = np.array([(-3.4, 3.6)[side], (-1.2, -2.0)[side]]) + rng.normal(0, 0.2, 2)
    trunks, branches, twigs = [], [], []
    for angle in np.linspace(-1.35, 1.35, 9) + rng.normal(0, 0.08, 9):
        goal = _inside(anatomy, side, hilum, angle, rng.uniform(0.75, 0.92))
        stem = _course(hilum, goal, rng)
        trunks.append(stem[:12])
        branches.append(stem[11:22])
        twigs.append(stem[21:])
        for at in (8, 14, 19):
            end = _inside(anatomy, side, stem[at, :2], angle + rng.choice([-1, 1]) * rng.uniform(0.4, 0.8), 0.7)
            twigs.append(_course(stem[at, :2], end, rng)[:11])
    path = np.zeros_like(detector.body[0])
    for lines, radius in ((trunks, 0.50), (branches, 0.32), (twigs, 0.19)):
        shortest = min(len(line) for line in lines)
        path += tube(detector, np.stack([line[:shortest] for line in lines]), radius)
    return path + ellipsoid(detector, (hilum[0], hilum[1] + 0.5), (1.0, 2.0, 1.2))


def _inside(anatomy: Anatomy, side: int, start: np.ndarray, angle: float, share: float) -> np.ndarray:
    """Point on the way from `start` to the lung's edge in the direction `angle` below the outward horizontal."""
    y = np.clip(start[1] + 16 * np.sin(angle), anatomy.apex[side] + 1, anatomy.base[side] - 2)
    middle, half_width = outline(anatomy, side, y)
    outward = (-1, 1)[side]
    reach = abs(start[0]) + 16 * np.cos(angle)
    x = outward * np.clip(reach, abs(float(middle)) - 0.6 * float(half_width), abs(float(middle)) + float(half_width))
    return start + share * (np.array([x, y]) - start)


def _course(start: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gently bent line of 32 points in x, y and z."""
    s = np.linspace(0, 1, 32)[:, None]
    along = end - start
    bend = rng.normal(0, 0.10) * np.array([-along[1], along[0]])
    flat = start + s * along + 4 * s * (1 - s) * bend
    return np.concatenate([flat, rng.uniform(-4, 4) * s], axis=1)


def _airways(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    x, y = detector.body
    carina = anatomy.first_rib + 4.6 * anatomy.rib_spacing
    trachea = column((x + 0.02 * (y + 19)) / 0.95, 0.95) * smooth_step((carina - y) / 0.6)
    bronchi = []
    for outward, fall in ((-1, 1.0), (1, 0.65)):
        s = np.linspace(0, 1, 8)[:, None]
        start, end = np.array([0.0, carina - 0.3, 0.0]), np.array([outward * 3.6, carina + 4.2 * fall, 0.0])
        bronchi.append(start + s * (end - start))
    return trachea + 0.9 * tube(detector, np.stack(bronchi), 0.6)


def _gastric_bubble(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    radius = anatomy.gastric_bubble
    if radius < 0.4:
        return np.zeros_like(detector.body[0])
    return ellipsoid(detector, (6.2, anatomy.dome[1] + 1.0 + radius), (1.7 * radius, radius, 1.5 * radius))


def _breasts(anatomy: Anatomy, detector: Detector) -> np.ndarray:
    if anatomy.breast < 0.3:
        return np.zeros_like(detector.body[0])
    axes = (5.5, 5.5, anatomy.breast)
    return ellipsoid(detector, (-8.5, 6.0), axes) + ellipsoid(detector, (8.5, 6.2), axes)

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


@dataclass(frozen=True)
class Anatomy:
    """What differs from body to body; lengths in cm, x to the patient's left, y to the feet, 0 in the chest's middle.

    Pairs hold the patient's right side, then the left.
    """

    half_width: float  # of the trunk
    half_depth: float
    shoulder_top: float  # y
    shoulder_slope: float
    apex: tuple[float, float]  # y of the lungs' upper ends
    base: tuple[float, float]  # y of the costophrenic angles
    dome: tuple[float, float]  # y of the diaphragm's domes
    lung_half_width: tuple[float, float]
    lung_half_depth: float
    lung_density: float  # g/cm3
    heart_centre: tuple[float, float]
    heart_semi_axes: tuple[float, float, float]
    heart_angle: float
    mediastinum_half_width: float
    aortic_knob: tuple[float, float, float]  # x, y, radius
    first_rib: float  # y at the spine
    rib_spacing: float
    rib_drop: float  # how far the fifth rib descends from back to front, over two
    rib_radius: float
    bone_density: float  # relative to normal
    spine_curve: float  # sideways displacement, x
    clavicle: tuple[tuple[float, float], tuple[float, float]]  # y of the medial and lateral end
    breast: float  # half depth, 0 for none
    gastric_bubble: float  # radius, 0 for none
    tilt: float  # radians
    shift: tuple[float, float]
    magnification: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Anatomy:
        """Draw an adult's chest, in inspiration, from `rng`."""

        def around(mean: float, deviation: float) -> float:
            return float(mean + deviation * np.clip(rng.normal(), -2, 2))

        def pair(mean: float, deviation: float, left_minus_right: float = 0.0) -> tuple[float, float]:
            common = around(mean, deviation)
            return common + around(0, deviation / 4), common + left_minus_right + around(0, deviation / 4)

        width = around(16.0, 0.8)
        heart = around(4.9, 0.35)
        clavicle = around(-11.0, 0.6)
        return cls(
            half_width=width,
            half_depth=around(10.5, 0.9),
            shoulder_top=around(-18.0, 0.7),
            shoulder_slope=around(0.30, 0.06),
            apex=pair(-13.2, 0.5),
            base=pair(11.5, 0.8),
            dome=pair(6.2, 0.9, left_minus_right=1.2),
            lung_half_width=pair(0.37 * width, 0.2),
            lung_half_depth=around(8.0, 0.6),
            lung_density=around(0.26, 0.03),
            heart_centre=(around(2.2, 0.5), around(4.6, 0.5)),
            heart_semi_axes=(heart * around(1.3, 0.06), heart, heart * around(1.0, 0.05)),
            heart_angle=around(0.7, 0.12),
            mediastinum_half_width=around(2.5, 0.25),
            aortic_knob=(around(2.5, 0.3), around(-6.0, 0.5), around(1.6, 0.25)),
            first_rib=around(-13.6, 0.5),
            rib_spacing=around(2.35, 0.12),
            rib_drop=around(3.7, 0.5),
            rib_radius=around(0.62, 0.05),
            bone_density=around(1.0, 0.12),
            spine_curve=around(0, 0.35),
            clavicle=((clavicle + around(0, 0.2), clavicle + around(0, 0.2)), pair(clavicle - 2.6, 0.6)),
            breast=max(0.0, around(0.3, 0.6)),
            gastric_bubble=max(0.0, around(1.0, 0.9)),
            tilt=around(0, 0.025),
            shift=(around(0, 0.5), around(0.8, 0.5)),
            magnification=around(1.0, 0.03),
        )

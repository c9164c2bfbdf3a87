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
from .lungs import Lung, project_lung
from .organs import airways, breasts, gastric_bubble, heart_and_mediastinum, trunk
from .skeleton import bones, shoulder_blades, vertebrae
from .vessels import vessels

# linear attenuation coefficients at 60 keV, about the mean energy of a 120 kV beam, in 1/cm (NIST's tables of ICRU-44
# tissues); soft tissue is muscle with some fat, and what fills a lung differs from it in density alone
SOFT_TISSUE = 0.205
CORTICAL_BONE = 0.60
SPONGY_BONE = 0.28
TISSUE_DENSITY = 1.05  # g/cm3


@dataclass(frozen=True)
class ChestProjection:
    """The rays' way through a healthy chest.

    Attributes:
        attenuation: line integral of the attenuation coefficient, dimensionless (nepers).
        aerated: path through air-filled lung, in cm, right and left: heart, mediastinum and vessels are left out.
        lungs: right and left.
    """

    attenuation: np.ndarray
    aerated: tuple[np.ndarray, np.ndarray]
    lungs: tuple[Lung, Lung]


def project(anatomy: Anatomy, detector: Detector, rng: np.random.Generator) -> ChestProjection:
    """Project a chest onto the detector by Beer-Lambert's law.

    Args:
        anatomy: the body.
        detector: where the rays end.
        rng: draws the course of the lungs' vessels.

    Returns:
        Line integrals over all samples of the detector.
    """
    body = trunk(anatomy, detector)
    displaced = heart_and_mediastinum(anatomy, detector) + vessels(anatomy, detector, rng)
    lungs = (project_lung(anatomy, detector, 0), project_lung(anatomy, detector, 1))
    soft = body + breasts(anatomy, detector)
    aerated = []
    for lung in lungs:
        within = np.minimum(lung.path, np.clip(body - 3.0, 0, None))
        aerated.append(np.clip(within - displaced, 0.1 * within, None))
        soft -= (1 - anatomy.lung_density / TISSUE_DENSITY) * aerated[-1]
    soft -= np.minimum(airways(anatomy, detector) + gastric_bubble(anatomy, detector), 0.5 * body)

    cortical, spongy = bones(anatomy, detector)
    spongy = spongy + vertebrae(anatomy, detector) + shoulder_blades(anatomy, detector)
    bone = (CORTICAL_BONE - SOFT_TISSUE) * cortical + (SPONGY_BONE - SOFT_TISSUE) * spongy
    # bones stop where the body does
    bone = anatomy.bone_density * bone * np.clip(body / 3.0, 0, 1)
    return ChestProjection(SOFT_TISSUE * np.clip(soft, 0, None) + bone, (aerated[0], aerated[1]), lungs)

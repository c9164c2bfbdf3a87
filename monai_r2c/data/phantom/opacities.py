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
from scipy.ndimage import gaussian_filter, map_coordinates

from .detector import Detector
from .projection import SOFT_TISSUE, TISSUE_DENSITY, ChestProjection
from .shapes import smooth_step

# g/cm3 that fluid and cells in the air spaces add to aerated lung of about 0.26; with 0.79 no air would be left
GROUND_GLASS_DENSITY = (0.45, 0.65)


def ground_glass(projection: ChestProjection, detector: Detector, rng: np.random.Generator) -> np.ndarray:
    """Attenuation that ground-glass opacities add: bilateral, patchy, mostly low and peripheral, in aerated lung.

    Args:
        projection: the healthy chest.
        detector: where the rays end.
        rng: draws number, places, sizes, density and texture.

    Returns:
        Line integrals over all samples, in nepers; 0 on every ray that meets no air-filled lung.
    """
    density = rng.uniform(*GROUND_GLASS_DENSITY)
    texture = _texture(detector, rng)
    filled = np.zeros_like(projection.attenuation)
    for aerated, lung in zip(projection.aerated, projection.lungs):
        patches = np.zeros_like(filled)
        for _ in range(rng.integers(3, 6)):
            across, down = rng.uniform(0.1, 0.9), 0.25 + 0.6 * math.sqrt(rng.uniform())
            centre = np.argmin((lung.across - across) ** 2 + (lung.down - down) ** 2)
            np.maximum(patches, _patch(detector, centre, rng), out=patches)
        # the ray meets opacities on about half of its way through the lung
        filled += np.minimum(0.55 * aerated, 8.0) * patches
    return (SOFT_TISSUE / TISSUE_DENSITY * density) * filled * texture


def _patch(detector: Detector, centre: np.intp, rng: np.random.Generator) -> np.ndarray:
    """Ellipse about a sample, 1 in its middle and falling smoothly to 0."""
    radius, stretch, angle = rng.uniform(2.2, 3.8), rng.uniform(0.7, 1.4), rng.uniform(0, math.pi)
    x, y = detector.body
    dx, dy = x - x.flat[centre], y - y.flat[centre]
    u = math.cos(angle) * dx + math.sin(angle) * dy
    v = math.cos(angle) * dy - math.sin(angle) * dx
    return smooth_step(1.1 - (1.6 / radius) * np.hypot(u / stretch, v * stretch))


def _texture(detector: Detector, rng: np.random.Generator) -> np.ndarray:
    """Uneven filling of the air spaces, from 0.2 to 1.4 times the mean, with features of 4 mm and 12 mm."""
    # drawn on a lattice fixed in the body, so that it does not change with the size of the image
    step, count = 0.2, 192
    lattice = np.ones((count, count))
    for feature, weight in ((0.4, 0.25), (1.2, 0.35)):
        smooth = gaussian_filter(rng.normal(size=lattice.shape), feature / step, mode="wrap")
        lattice += weight * smooth / smooth.std()
    x, y = detector.body
    texture = map_coordinates(lattice, [y / step + count / 2, x / step + count / 2], order=1, mode="grid-wrap")
    return np.clip(texture, 0.2, 1.4).astype(np.float32)

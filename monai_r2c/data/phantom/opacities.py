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
from scipy.ndimage import gaussian_filter

from .projection import SOFT_TISSUE, Projection
from .shapes import Detector, smooth_step

# g/cm3 that fluid and cells in the air spaces add to lung of 0.26 g/cm3: vessels stay visible through it
GROUND_GLASS_DENSITY = (0.28, 0.42)


def ground_glass(projection: Projection, detector: Detector, rng: np.random.Generator) -> np.ndarray:
    """Attenuation that ground-glass opacities add: bilateral, patchy, mostly low and peripheral, in aerated lung.

    Args:
        projection: the healthy chest.
        detector: where the rays end.
        rng: draws number, places, sizes, density and texture.

    Returns:
        Line integrals over all samples, in nepers; 0 on every ray that meets no air-filled lung.
    """
    density = rng.uniform(*GROUND_GLASS_DENSITY)
    added = np.zeros_like(projection.attenuation)
    x, y = detector.body
    for aerated, lung in zip(projection.aerated, projection.lungs):
        patches = np.zeros_like(added)
        for _ in range(rng.integers(3, 6)):
            across, down = rng.uniform(0.1, 0.9), 0.25 + 0.6 * np.sqrt(rng.uniform())
            radius, stretch, angle = rng.uniform(2.2, 3.8), rng.uniform(0.7, 1.4), rng.uniform(0, np.pi)
            centre = np.argmin((lung.across - across) ** 2 + (lung.down - down) ** 2)
            dx, dy = x - x.flat[centre], y - y.flat[centre]
            u, v = np.cos(angle) * dx + np.sin(angle) * dy, np.cos(angle) * dy - np.sin(angle) * dx
            patches = np.maximum(patches, smooth_step(1.1 - 1.6 * np.hypot(u / stretch, v * stretch) / radius))
        # the ray meets opacities on about half of its way through the lung
        depth = np.minimum(0.55 * aerated, 8.0)
        added += SOFT_TISSUE / 1.05 * density * depth * patches * _texture(detector, rng)
    return added


def _texture(detector: Detector, rng: np.random.Generator) -> np.ndarray:
    """Uneven filling of the air spaces, from 0.2 to 1.4 times the mean, with features of 4 mm and 12 mm."""
    texture = np.zeros_like(detector.body[0])
    for feature, weight in ((0.4, 0.25), (1.2, 0.35)):
        # drawn on a lattice fixed in cm, so that it does not change with the size of the image
        lattice = gaussian_filter(rng.normal(size=(192, 192)), feature / 0.2, mode="wrap")
        row = np.mod(np.rint((detector.body[1] + 19.2) / 0.2).astype(np.intp), 192)
        col = np.mod(np.rint((detector.body[0] + 19.2) / 0.2).astype(np.intp), 192)
        texture += weight * (lattice / lattice.std())[row, col]
    return np.clip(1 + texture, 0.2, 1.4)

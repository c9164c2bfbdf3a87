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

from .detector import Detector

# photons that the unattenuated beam lays on a square centimetre of the detector: a low-noise film
DOSE = 1.0e7
# scattered over primary signal behind the grid, and how far the scatter spreads, in cm
SCATTER, SCATTER_SPREAD = 0.25, 4.0


def expose(attenuation: np.ndarray, detector: Detector, rng: np.random.Generator, dose: float = DOSE) -> np.ndarray:
    """Detect the beam behind the body: Beer-Lambert's law, scatter and quantum noise.

    Args:
        attenuation: line integrals over all samples, in nepers.
        detector: integrates the samples of each pixel.
        rng: draws the photons of each pixel from a Poisson distribution.
        dose: photons per square centimetre of the unattenuated beam.

    Returns:
        Signal (size, size) relative to the unattenuated beam, above 0.
    """
    primary = detector.integrate(np.exp(-attenuation))
    pixel = detector.width / detector.size
    spread = gaussian_filter(primary, SCATTER_SPREAD / pixel, mode="nearest", truncate=3)
    signal = (primary + SCATTER * spread) / (1 + SCATTER)
    photons = dose * pixel**2
    # a pixel without a photon reads as half a photon: the logarithm follows
    return np.maximum(rng.poisson(photons * signal), 0.5) / photons


def develop(signal: np.ndarray, brightness: float, latitude: float) -> np.ndarray:
    """Turn the detector's signal into a film: black is air, gray is linear in the logarithm of the signal.

    As a reader's auto-ranging does, the window is moved until the mean gray is `brightness`; so no image stands out
    by its mean, whatever is in the lungs.

    Args:
        signal: relative to the unattenuated beam, above 0.
        brightness: mean gray of the film, in (0, 1).
        latitude: decades of signal from black to white.

    Returns:
        Film of the signal's shape, in [0, 1].
    """
    density = -np.log10(signal) / latitude
    low, high = float(density.min()) - 1, float(density.max())
    # the mean falls steadily with the black level, so halving finds it
    for _ in range(40):
        black = (low + high) / 2
        if np.clip(density - black, 0, 1).mean() > brightness:
            low = black
        else:
            high = black
    return np.clip(density - black, 0, 1)

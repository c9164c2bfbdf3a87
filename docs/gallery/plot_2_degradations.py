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

"""
Degradations in physical units
==============================

What goes wrong with a radiograph happens to the detector's signal, and so do these transforms: their severities are
photons, stops and shares of scattered radiation, not gray levels.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch

from monai_r2c.data import PhantomChest
from monai_r2c.transforms import RandContrastLoss, RandExposure, RandQuantumNoise, RandRadiographBlur

film = torch.as_tensor(PhantomChest(0, 1, True, size=128).radiograph()).float()[None]
faults = {
    "original": None,
    "motion of 6 pixels": RandRadiographBlur(focal_sigma=0.8, motion=6.0, prob=1.0),
    "half the signal scattered": RandContrastLoss(scatter_fraction=0.5, prob=1.0),
    "0.8 stops too much": RandExposure(stops=0.8, prob=1.0),
    "250 photons": RandQuantumNoise(photons=250, prob=1.0),
}
figure, row = plt.subplots(1, len(faults), figsize=(11, 2.6), layout="constrained")
for axes, (name, fault) in zip(row, faults.items()):
    if fault is not None:
        fault.set_random_state(seed=0)
    axes.imshow((film if fault is None else fault(film))[0], cmap="gray", vmin=0, vmax=1)
    axes.set_title(name, fontsize=9)
    axes.axis("off")

# %%
# Quantum noise is what photons do
# --------------------------------
# The number of photons that arrive is Poisson distributed, so the relative noise of a signal that N photons carry is
# one over the root of N. Most photons arrive where an image is black: of 400 there, the noise is a twentieth.

black = torch.zeros(1, 256, 256)
latitude = 1.6
noise = RandQuantumNoise(photons=400, prob=1.0, latitude=latitude)
noise.set_random_state(seed=0)
gray = torch.as_tensor(noise(black + 0.1))  # a little above black, so that nothing is clipped
signal = 10 ** (-latitude * gray)
expected = 1 / (400 * 10 ** (-latitude * 0.1)) ** 0.5
print(f"relative noise {signal.std() / signal.mean():.4f}, expected {expected:.4f}")

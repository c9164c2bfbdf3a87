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

"""Draws degradations.png: each degradation of a phantom radiograph, mild above and strong below.

Prints what the default blend costs in PSNR. Takes about a quarter of a minute.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from monai.metrics import PSNRMetric

from monai_r2c.data import PhantomChest
from monai_r2c.transforms import (
    RandCompression,
    RandContrastLoss,
    RandExposure,
    RandPoorQuality,
    RandQuantumNoise,
    RandRadiographBlur,
    RandToneCurve,
    RandWidePoorQuality,
    RandWindowClipping,
)
from monai_r2c.transforms.degradation.degradation import RandDegradation

COLUMNS: list[tuple[str, tuple[RandDegradation, str], tuple[RandDegradation, str]]] = [
    (
        "blur",
        (RandRadiographBlur(focal_sigma=0.4, motion=0.0, prob=1.0), "focal_sigma 0.4"),
        (RandRadiographBlur(focal_sigma=1.2, motion=3.0, prob=1.0), "focal_sigma 1.2, motion 3"),
    ),
    (
        "contrast loss",
        (RandContrastLoss(scatter_fraction=0.1, prob=1.0), "scatter_fraction 0.1"),
        (RandContrastLoss(scatter_fraction=0.5, prob=1.0), "scatter_fraction 0.5"),
    ),
    (
        "exposure",
        (RandExposure(stops=-0.8, prob=1.0), "stops -0.8"),
        (RandExposure(stops=0.8, prob=1.0), "stops 0.8"),
    ),
    (
        "quantum noise",
        (RandQuantumNoise(photons=2500, prob=1.0), "photons 2500"),
        (RandQuantumNoise(photons=250, prob=1.0), "photons 250"),
    ),
    (
        "tone curve",
        (RandToneCurve(gamma=0.6, prob=1.0), "gamma 0.6"),
        (RandToneCurve(gamma=1.7, prob=1.0), "gamma 1.7"),
    ),
    (
        "window",
        (RandWindowClipping(cut=0.05, prob=1.0), "cut 0.05"),
        (RandWindowClipping(cut=0.15, prob=1.0), "cut 0.15"),
    ),
    (
        "compression",
        (RandCompression(quality=85, prob=1.0), "quality 85"),
        (RandCompression(quality=10, prob=1.0), "quality 10"),
    ),
    (
        "blend",
        (RandPoorQuality(prob=1.0).set_random_state(3), "default, seed 3"),
        (RandPoorQuality(prob=1.0).set_random_state(4), "default, seed 4"),
    ),
    (
        "wide blend",
        (RandWidePoorQuality(prob=1.0).set_random_state(3), "seed 3"),
        (RandWidePoorQuality(prob=1.0).set_random_state(4), "seed 4"),
    ),
]


def main() -> None:
    film = torch.from_numpy(PhantomChest(seed=0, index=0, opacities=True, size=128).radiograph())[None]
    # two rows for each half of the faults, the phantom ahead
    figure, grid = plt.subplots(4, 5, figsize=(8.4, 7.8), dpi=80, layout="constrained")
    for ax in grid.flat:
        ax.axis("off")
    axes = np.concatenate([grid[:2], grid[2:]], axis=1)
    axes[0, 0].imshow(film[0], cmap="gray", vmin=0, vmax=1)
    axes[0, 0].set_title("phantom", fontsize=10)
    for column, (title, *severities) in enumerate(COLUMNS, start=1):
        for ax, (degrade, caption) in zip(axes[:, column], severities):
            ax.imshow(degrade(film)[0], cmap="gray", vmin=0, vmax=1)
            ax.text(0.5, -0.03, caption, transform=ax.transAxes, fontsize=7.5, ha="center", va="top")
        axes[0, column].set_title(title, fontsize=10)
    figure.savefig(Path(__file__).with_name("degradations.png"))
    print_loss()


def print_loss(count: int = 100) -> None:
    """Print the peak signal-to-noise ratio that the default blend leaves of phantoms of 128 pixels."""
    blend = RandPoorQuality(prob=1.0).set_random_state(0)
    measure = PSNRMetric(max_val=1.0)
    for index in range(count):
        film = torch.from_numpy(PhantomChest(seed=0, index=index, opacities=index % 2 == 1).radiograph())[None, None]
        measure(blend(film[0])[None], film)
    values = measure.get_buffer().flatten()
    spread = ", ".join(f"{q:.0%} {values.quantile(q):.1f}" for q in (0.1, 0.5, 0.9))
    print(f"PSNR of {count} phantoms in dB: mean {values.mean():.1f}; {spread}")


if __name__ == "__main__":
    main()

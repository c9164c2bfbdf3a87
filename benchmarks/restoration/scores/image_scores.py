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

import torch

from monai_r2c.metrics import NIQEModel, fit_niqe, niqe

from .fidelity import ms_ssim, psnr, ssim, straight_line
from .spectrum import checkerboard_energy, detail_energy, detail_snr

# name: (what the page calls it, whether lower is better, decimals)
SCORES = {
    "psnr": ("PSNR, dB", False, 2),
    "ssim": ("SSIM", False, 3),
    "ms_ssim": ("MS-SSIM", False, 3),
    "line_psnr": ("PSNR after the line, dB", False, 2),
    "line_ssim": ("SSIM after the line", False, 3),
    "detail_snr": ("detail, dB", False, 2),
    "detail_energy": ("energy of detail, dB", False, 2),
    "checkerboard": ("checkerboard, dB", True, 2),
    "niqe": ("NIQE", True, 2),
    "class_preserved": ("class preserved", False, 3),
}


def better(name: str, value: float, than: float) -> bool:
    return value < than if SCORES[name][1] else value > than


@dataclass(frozen=True)
class GoodLook:
    """What good images look like: NIQE's model of them and the mean energy of their checkerboard."""

    niqe: NIQEModel
    checkerboard: float

    @classmethod
    def of(cls, good: torch.Tensor, patch: int = 32) -> GoodLook:
        """Fit to good images ``(images, 1, rows, columns)`` in [0, 1]."""
        energies = [checkerboard_energy(image) for image in good]
        return cls(fit_niqe(good, patch, min(good.shape[2:])), sum(energies) / len(energies))


def score_image(image: torch.Tensor, reference: torch.Tensor | None, look: GoodLook) -> dict[str, float]:
    """Scores of an image ``(1, rows, columns)`` in [0, 1]; without reference those that need none.

    Detail is compared after the straight line of gray values, so that contrast does not count as detail.
    """
    ratio = torch.tensor(checkerboard_energy(image) / look.checkerboard)
    scores = {"checkerboard": float(10 * ratio.clamp_min(1e-12).log10()), "niqe": niqe(image, look.niqe)}
    if reference is None:
        return scores
    line = straight_line(image, reference)
    return {
        "psnr": psnr(image, reference),
        "ssim": ssim(image, reference),
        "ms_ssim": ms_ssim(image, reference),
        "line_psnr": psnr(line, reference),
        "line_ssim": ssim(line, reference),
        "detail_snr": detail_snr(line, reference),
        "detail_energy": detail_energy(line, reference),
        **scores,
    }

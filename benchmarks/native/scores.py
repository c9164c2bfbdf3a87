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
import torch

from benchmarks.restoration.scores import psnr, straight_line
from monai_r2c.data import edges_of
from monai_r2c.metrics import ReferenceMetric, edge_response, noise_power_spectrum, ssim_at_scales

HALF_NYQUIST = 0.25
_SQUARE = 128


def score(image: torch.Tensor, clean: torch.Tensor, has_edges: bool) -> dict[str, float]:
    """Scores of ``(1, rows, columns)`` in [0, 1] against the clean original.

    ``psnr`` in dB, ``line_psnr`` after the straight line of grays that fits best; ``ssim``, ``ssim_2`` to ``ssim_8``
    at halves to eighths of the size, ``ms_ssim``; ``error_coarse`` and ``error_fine``, standard deviation in 8-bit
    gray levels of what is wrong below and above half Nyquist's frequency, by the noise power spectrum; with edges
    ``mtf``, at half Nyquist's frequency relative to the clean image's, mean of both edges.
    """
    ms_ssim = float(ReferenceMetric(resamples=0)(image[None], clean[None])[0][0, 2])
    scores = {"psnr": psnr(image, clean), "line_psnr": psnr(straight_line(image, clean), clean), "ms_ssim": ms_ssim}
    for scale, value in ssim_at_scales(image[None], clean[None]).items():
        scores["ssim" if scale == 1 else f"ssim_{scale}"] = float(value)
    frequencies, power = noise_power_spectrum(image - clean, _SQUARE)
    rings = 2 * np.pi * frequencies * power / _SQUARE * 255**2
    scores["error_coarse"] = float(np.sqrt(rings[frequencies < HALF_NYQUIST].sum()))
    scores["error_fine"] = float(np.sqrt(rings[frequencies >= HALF_NYQUIST].sum()))
    if has_edges:
        kept = [_mtf(image[0][place]) / _mtf(clean[0][place]) for place in edges_of(image.shape[-1])]
        scores["mtf"] = float(np.mean(kept))
    return scores


def _mtf(edge: torch.Tensor) -> float:
    try:
        return float(edge_response(edge).mtf(HALF_NYQUIST))
    except ValueError:  # nothing of the edge is left
        return 0.0

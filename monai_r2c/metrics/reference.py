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

from typing import Any

import torch
from monai.metrics import PSNRMetric
from monai.metrics.regression import compute_ms_ssim, compute_ssim_and_cs

from .grouped import ImageMetric

_WINDOW, _SIGMA = 11, 1.5
_SCALES = 5
# every scale of the multi-scale SSIM must hold its window
_SMALLEST = _WINDOW * 2 ** (_SCALES - 1)


class ReferenceMetric(ImageMetric):
    """How near images are to their clean originals: PSNR, SSIM and multi-scale SSIM, all from MONAI.

    ``metric(images, references)`` takes ``(batch, channels, rows, columns)`` in [0, 1]. `aggregate` gives the means
    over images of ``psnr`` (dB, 0 and up, infinite for equal images), ``ssim`` and ``ms_ssim`` (at most 1); higher is
    better. SSIM needs 11 pixels a side and multi-scale SSIM 176: smaller images are undefined (NaN). So is every score
    of an image that is not finite, or whose original is not.

    Args:
        resamples, confidence, seed: see `GroupedMetric`.

    Source: Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 13
    (2004) 600-612; Z. Wang et al., "Multiscale structural similarity", Asilomar 2003.
    """

    names = ("psnr", "ssim", "ms_ssim")

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> torch.Tensor:  # type: ignore[override]
        y_pred, y = y_pred.float(), y.float()
        undefined = torch.full((len(y), 1), float("nan"), device=y.device)
        side = min(y.shape[2:])
        psnr = PSNRMetric(1.0, reduction="none")(y_pred, y)
        size, sigma = (_WINDOW, _WINDOW), (_SIGMA, _SIGMA)
        ssim = ms_ssim = undefined
        if side >= _WINDOW:
            ssim = compute_ssim_and_cs(y_pred, y, 2, size, sigma)[0].mean((1, 2, 3))[:, None]
        if side >= _SMALLEST:
            ms_ssim = compute_ms_ssim(y_pred, y, 2, kernel_size=size, kernel_sigma=sigma).reshape(-1, 1)
        values = torch.cat([psnr.reshape(-1, 1), ssim, ms_ssim], 1)  # type: ignore[union-attr]
        finite = (y_pred.isfinite() & y.isfinite()).flatten(1).all(1)
        return values.where(finite[:, None], float("nan"))

    def why_undefined(self, name: str) -> str:
        if self.image_values()["psnr"].isnan().all():
            return "no image is finite"
        return f"needs images of at least {_SMALLEST if name == 'ms_ssim' else _WINDOW} pixels a side"

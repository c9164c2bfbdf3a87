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

from collections.abc import Callable

import torch

from monai_r2c.utils import R2CKeys as Keys

Generator = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def translate_unpaired(
    restorer: Generator,
    degrader: Generator,
    poor: torch.Tensor,
    good: torch.Tensor,
    synthetic: torch.Tensor | None = None,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Run the six generator passes of one step, and where there are synthetic poor images a seventh.

    Args:
        restorer, degrader: networks that return ``(image, logits)``.
        poor, good: images of the two domains, ``(batch, channels, *spatial)`` in [-1, 1].
        synthetic: degraded good images, to be restored.

    Returns:
        Images by name (the inputs ``poor`` and ``good``, ``restored``, ``degraded``, ``cycled_poor``, ``cycled_good``,
        ``identity_poor``, ``identity_good``; with the seventh pass ``synthetic`` and ``synthetic_restored``), and the
        logits of the passes by the name of the image they made.
    """
    images: dict[str, torch.Tensor] = {Keys.POOR: poor, Keys.GOOD: good}
    logits: dict[str, torch.Tensor] = {}
    images[Keys.RESTORED], logits[Keys.RESTORED] = restorer(poor)
    images[Keys.DEGRADED], logits[Keys.DEGRADED] = degrader(good)
    images[Keys.CYCLED_POOR], logits[Keys.CYCLED_POOR] = degrader(images[Keys.RESTORED])
    images[Keys.CYCLED_GOOD], logits[Keys.CYCLED_GOOD] = restorer(images[Keys.DEGRADED])
    images[Keys.IDENTITY_POOR], logits[Keys.IDENTITY_POOR] = degrader(poor)
    images[Keys.IDENTITY_GOOD], logits[Keys.IDENTITY_GOOD] = restorer(good)
    if synthetic is not None:
        images[Keys.SYNTHETIC] = synthetic
        images[Keys.SYNTHETIC_RESTORED], logits[Keys.SYNTHETIC_RESTORED] = restorer(synthetic)
    return images, logits

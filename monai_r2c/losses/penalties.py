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

from typing import Protocol

import torch
import torch.nn as nn

from monai_r2c.utils import InputError


class DiscriminatorPenalty(Protocol):
    """A term that keeps a discriminator in bounds, added to the discriminators' loss for each of the two domains."""

    weight: float

    def __call__(self, discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        """Compute the term, unweighted.

        Args:
            discriminator: returns a score map.
            real: images of its domain, ``(batch, channels, *spatial)`` in [-1, 1].
            fake: generated images that imitate them, from the pool, of the same shape.

        Returns:
            A scalar, a mean over the batch, whose gradient reaches the discriminator's weights.
        """


class R1Penalty(nn.Module):
    """Half the squared slope of a discriminator at real images, so that it cannot grow steep where it is right.

    ``|d(sum of scores) / d(image)|^2 / (2 * number of scores)``, the mean over the batch: for a discriminator with one
    score for an image that of the source; for a map of scores the same for each patch, whatever the size of the image.
    Computed in float32 in a pass of its own, with a gradient of a gradient.

    Args:
        weight: factor on the term in the discriminators' loss, at least 0; gamma of the source, which uses 10.

    Raises:
        InputError: when the weight is negative or not finite.

    Source: Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018, equation 9.

    Example:
        >>> R2CTrainer(..., discriminator_penalties={"r1": R1Penalty(weight=1.0)})
    """

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__()
        if not 0 <= weight < float("inf"):
            raise InputError(f"weight of R1Penalty: must be a finite number of at least 0, got {weight}.")
        self.weight = weight

    def forward(self, discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor | None = None) -> torch.Tensor:
        # a compiled network has no gradient of a gradient
        with torch.compiler.set_stance("force_eager"), torch.autocast(real.device.type, enabled=False):
            image = real.detach().float().requires_grad_()
            scores = discriminator(image)
            (slope,) = torch.autograd.grad(scores.sum(), image, create_graph=True)
        return slope.square().sum() / (2 * scores.numel())

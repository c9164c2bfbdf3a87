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

import copy

import torch
import torch.nn as nn
from ignite.engine import Engine, Events
from monai.inferers import Inferer

from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.metadata import plain_tensor

from .engine_state import items_of


class RoundingError:
    """Restores the first images of an `R2CEvaluator` in float32 again, to say what a lower precision makes of them.

    Args:
        network: of the evaluator; a copy of it is used.
        inferer: of the evaluator.
        images: how many.
        pixels: of which no further image is restored again, because of large ones the first tells enough.

    Attributes:
        differences: of each image, the mean and the largest absolute difference of a pixel, in gray levels of 255.
    """

    def __init__(self, network: nn.Module, inferer: Inferer, images: int = 3, pixels: int = 2**20) -> None:
        self.network, self.inferer = copy.deepcopy(network).eval(), inferer
        self.images, self.pixels, self._seen = images, pixels, 0
        self.differences: list[tuple[float, float]] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._compare)

    def describe(self) -> str:
        """Say in a line what was found; nothing where there was no image."""
        if not self.differences:
            return ""
        means, most = zip(*self.differences)
        return (
            f"bf16 changed a pixel by {sum(means) / len(means):.2f} of 255 gray levels on average and {max(most):.1f} "
            f"at most, in the first {f'{len(means)} of the images' if len(means) > 1 else 'image'}."
        )

    @torch.no_grad()
    def _compare(self, engine: Engine) -> None:
        for item in items_of(engine, self, Keys.RESTORED):
            if Keys.ERROR in item or len(self.differences) >= self.images or self._seen >= self.pixels:
                continue
            image, restored = (plain_tensor(item[key]).float() for key in ("image", Keys.RESTORED))  # in [0, 1]
            result = self.inferer(2 * image[None] - 1, self.network)
            exact = result if isinstance(result, torch.Tensor) else result[0]
            difference = 255 * ((exact[0].clamp(-1, 1) + 1) / 2 - restored.to(exact.device)).abs()
            self._seen += restored[0].numel()
            self.differences.append((float(difference.mean()), float(difference.max())))

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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import torch

from .method import Learned, Lesson
from .scores import better, ssim


@dataclass(frozen=True)
class FilterMethod:
    """A filter without training, whose parameters are those of a grid with the best mean SSIM on validation.

    Args:
        title: see `Method`.
        function: gives ``(rows, columns)`` in [0, 1], float64, for one, with the grid's parameters by name.
        grid: values to try of each parameter.
        from_good: gives further arguments of `function` from the good training images ``(images, 1, rows, columns)``.
    """

    title: str
    function: Callable[..., np.ndarray]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    from_good: Callable[[torch.Tensor], Mapping[str, Any]] | None = None
    kind: str = "filter"
    uses_poor: bool = True
    uses_references: bool = True
    random: bool = False

    def learn(self, lesson: Lesson) -> Learned:
        bed = lesson.bed
        fixed = {} if self.from_good is None else self.from_good(bed.read(bed.select("good", "good")))
        tried = [dict(zip(self.grid, values)) for values in product(*self.grid.values())]
        chosen = tried[0] if len(tried) == 1 else self._choose(tried, fixed, lesson)
        facts = {"settings": chosen, "parameters": 0, "minutes": 0.0, "tried": len(tried)}
        return Learned(lambda image: self._apply(image, {**fixed, **chosen}), facts)

    def _choose(self, tried: list[dict], fixed: Mapping[str, Any], lesson: Lesson) -> dict[str, Any]:
        images = lesson.bed.select("validation", "poor")
        poor, references = lesson.bed.read(images), lesson.bed.read(images, references=True)
        best, best_score = tried[0], float("-inf")
        for parameters in tried:
            restored = [self._apply(image, {**fixed, **parameters}) for image in poor]
            score = float(np.mean([ssim(ours, theirs) for ours, theirs in zip(restored, references)]))
            if better("ssim", score, best_score):
                best, best_score = parameters, score
        return best

    def _apply(self, image: torch.Tensor, parameters: Mapping[str, Any]) -> torch.Tensor:
        restored = self.function(np.asarray(image[0], dtype=np.float64), **parameters)
        return torch.from_numpy(np.clip(restored, 0, 1)[None]).float()

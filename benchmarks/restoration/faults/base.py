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

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform


class RandFaultd(RandomizableTransform, MapTransform):
    """Base of a fault that a radiograph can have after the detector: draws its severity from ``self.R``.

    Args:
        keys: of images ``(1, rows, columns)`` in [0, 1], black is air.
        prob: probability that the fault takes part.
    """

    def __init__(self, keys: KeysCollection, prob: float = 1.0) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)

    @abstractmethod
    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image ``(rows, columns)``, float64 in [0, 1], with the fault; it is clipped to [0, 1] afterwards."""

    def uniform(self, limits: Sequence[float]) -> float:
        return float(self.R.uniform(*limits))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        degraded = dict(data)
        self.randomize(None)
        if self._do_transform:
            for key in self.key_iterator(degraded):
                image = np.asarray(degraded[key], dtype=np.float64)[0]
                degraded[key] = torch.from_numpy(np.clip(self.apply(image), 0, 1)[None]).float()
        return degraded

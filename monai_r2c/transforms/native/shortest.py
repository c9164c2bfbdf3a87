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

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform

from ..resize import ResizeShortest


class RandShortestd(RandomizableTransform, MapTransform):
    """Reduce an image to a random length of its shorter side, so that a network sees structures at many scales.

    The length is drawn evenly in its logarithm between the least one and the image's own; images that are smaller stay
    as they are.

    Args:
        keys: of the images, which all get the size drawn for the first.
        least: pixels of the shorter side, at least 1.
        least_prob: probability that the least length is taken instead of a random one, in [0, 1].
        allow_missing_keys: whether a missing key is passed over.

    Raises:
        ValueError: when an argument is outside its values.
    """

    backend = ResizeShortest.backend

    def __init__(
        self, keys: KeysCollection, least: int, least_prob: float = 0.5, allow_missing_keys: bool = False
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)
        if least < 1 or not 0 <= least_prob <= 1:
            raise ValueError(f"least must be at least 1 and least_prob in [0, 1], got {least} and {least_prob}.")
        self.least, self.least_prob = least, least_prob

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        takes_least, part = self.R.random_sample(2)
        keys = list(self.key_iterator(result))
        own = min(result[keys[0]].shape[1:]) if keys else self.least
        if own > self.least:
            length = self.least if takes_least < self.least_prob else round(self.least * (own / self.least) ** part)
            result.update({key: ResizeShortest(length)(result[key]) for key in keys})
        return result

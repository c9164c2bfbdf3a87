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

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform

from .array import LoadRadiograph
from .dicom import MODALITIES


class LoadRadiographd(MapTransform):
    """Dictionary twin of `LoadRadiograph`: replaces each path by its image, a MetaTensor ``(1, rows, columns)``.

    Args:
        keys: keys of the paths.
        reader, modalities, value_range, spacing: see `LoadRadiograph`.
        allow_missing_keys: skip keys that an item lacks instead of raising `KeyError`.

    Raises:
        ValueError, InputError: as `LoadRadiograph`.
    """

    def __init__(
        self,
        keys: KeysCollection,
        reader: str = "pydicom",
        modalities: Sequence[str] | None = MODALITIES,
        value_range: tuple[float, float] | None = None,
        spacing: float | Sequence[float] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.loader = LoadRadiograph(reader, modalities, value_range, spacing)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            loaded[key] = self.loader(loaded[key])
        return loaded


LoadRadiographD = LoadRadiographDict = LoadRadiographd

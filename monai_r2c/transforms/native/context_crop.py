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

import torch
import torch.nn.functional as F
from monai.config import KeysCollection, NdarrayOrTensor
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_tensor

from monai_r2c.utils import R2CKeys

from ..resize import ResizeShortest


class RandContextCropd(RandomizableTransform, MapTransform):
    """Crop a square at random, and keep what a `NativeGenerator` has to know of the rest of the image.

    Under ``context`` it puts ``thumbnail``, the whole image as a square at the working size, and ``place``, four
    numbers from 0 to 1: where in the whole image the crop's top, left, bottom and right edges lie. Images of any type
    come back as plain float32 tensors: their metadata end here, because a training step has no use for them and to
    carry them takes time.

    Args:
        keys: of one image ``(channels, rows, columns)``.
        roi_size: pixels a side of the crop; an image with a shorter side is first enlarged to it.
        working_size: pixels a side of the thumbnail. Its batch needs one size, so that an image that is not square is
            squeezed; that is what the network then restores, and the line of gray values that follows from it is the
            same.
        allow_missing_keys: whether an item without the image is passed over.

    Raises:
        ValueError: when a size is below 1, or there is another number of keys than one.
    """

    backend = ResizeShortest.backend

    def __init__(
        self, keys: KeysCollection, roi_size: int, working_size: int, allow_missing_keys: bool = False
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, 1.0)
        if roi_size < 1 or working_size < 1 or len(self.keys) != 1:
            raise ValueError(
                f"sizes must be at least 1 pixel and keys one, got {roi_size}, {working_size} and {list(self.keys)}."
            )
        self.roi_size, self.working_size = roi_size, working_size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        result = dict(data)
        for key in self.key_iterator(result):
            result[key], result[R2CKeys.CONTEXT.value] = self._cropped(result[key])
        return result

    def _cropped(self, whole: NdarrayOrTensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        image: torch.Tensor = convert_to_tensor(whole, dtype=torch.float32, track_meta=False)
        if min(image.shape[1:]) < self.roi_size:
            image = ResizeShortest(self.roi_size)(image)
        rows, columns = image.shape[1:]
        top, left = (int(self.R.randint(length - self.roi_size + 1)) for length in (rows, columns))
        bottom, right = top + self.roi_size, left + self.roi_size
        place = torch.tensor([top / rows, left / columns, bottom / rows, right / columns])
        square = (self.working_size, self.working_size)
        thumbnail = image
        if (rows, columns) != square:
            thumbnail = F.interpolate(image[None], square, mode="bilinear", antialias=True)[0]
        return image[:, top:bottom, left:right].clone(), {"thumbnail": thumbnail, "place": place}

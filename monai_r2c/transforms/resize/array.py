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

import torch
import torch.nn.functional as F
from monai.config import NdarrayOrTensor
from monai.data import MetaTensor
from monai.data.meta_obj import get_track_meta
from monai.transforms import InvertibleTransform, Resize
from monai.transforms.utils import scale_affine
from monai.utils import convert_to_tensor
from monai.utils.enums import TraceKeys, TransformBackends


class ResizeShortest(InvertibleTransform):
    """Resize an image so that its shorter side becomes the given one and the aspect ratio stays.

    Bilinear, with antialiasing where the image gets smaller. MONAI's ``Resize`` keeps the aspect ratio for the longest
    side only, which leaves too little for a square crop, and its antialiasing darkens the border.

    Args:
        spatial_size: wanted length of the shorter side, in pixels, at least 1.

    Shape:
        Input ``(channels, rows, columns)``, of any type; output float32 with both sides scaled and rounded.
        A MetaTensor stays one unless metadata are switched off (``set_track_meta``): its affine tells the new spacing,
        and `inverse` (``Invertd``) brings the old size back. Others become plain tensors.

    Raises:
        ValueError: when `spatial_size` is below 1, or the image has not 2 spatial dimensions.
    """

    backend = [TransformBackends.TORCH]

    def __init__(self, spatial_size: int) -> None:
        if spatial_size < 1:
            raise ValueError(f"spatial_size must be at least 1 pixel, got {spatial_size}.")
        self.spatial_size = spatial_size

    def __call__(self, img: NdarrayOrTensor) -> torch.Tensor:
        # an image that states no spacing must not get one
        track_meta = get_track_meta() and isinstance(img, MetaTensor)
        image: torch.Tensor = convert_to_tensor(img, dtype=torch.float32, track_meta=track_meta)
        if image.ndim != 3:
            raise ValueError(f"the image must be (channels, rows, columns), got shape {tuple(image.shape)}.")
        size = tuple(image.shape[1:])
        wanted = tuple(round(length * self.spatial_size / min(size)) for length in size)
        resized = image.as_subclass(torch.Tensor)
        if wanted != size:
            resized = F.interpolate(resized[None], wanted, mode="bilinear", antialias=True)[0]
        if not isinstance(image, MetaTensor):
            return resized
        # told as MONAI's Resize tells it, which inverts it
        how = {"mode": "bilinear", "align_corners": TraceKeys.NONE, "dtype": "float32", "new_dim": 0}
        resized = MetaTensor(resized).copy_meta_from(image)
        return self.push_transform(resized, affine=scale_affine(size, wanted), orig_size=size, extra_info=how)

    def inverse(self, data: torch.Tensor) -> torch.Tensor:
        """Resample a MetaTensor to the size it had before."""
        transform = self.pop_transform(data)
        return Resize(self.spatial_size).inverse_transform(data, transform)

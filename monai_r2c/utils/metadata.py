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

from copy import deepcopy

import torch
from monai.data import MetaTensor


def plain_tensor(image: torch.Tensor) -> torch.Tensor:
    """Return the values of a MetaTensor without the metadata, which slows every operation down; not copied."""
    return image.as_subclass(torch.Tensor)


def with_metadata_of(source: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return `image` with what `source` knows: its metadata and its applied and pending operations, copied.

    Args:
        source: ``(batch, channels, *spatial)``.
        image: made from `source`, such as a network's output.

    Returns:
        A MetaTensor that shares the values of `image`; `image` itself when `source` is no MetaTensor, or when the two
        differ in batch or spatial size, because then neither spacing nor operations are those of `image`.
    """
    if not isinstance(source, MetaTensor) or isinstance(image, MetaTensor):
        return image
    if image.shape[:1] != source.shape[:1] or image.shape[2:] != source.shape[2:]:
        return image
    described = image.as_subclass(MetaTensor)
    described.__dict__ = deepcopy(source.__dict__)
    return described

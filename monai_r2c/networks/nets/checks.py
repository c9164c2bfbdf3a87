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

from typing import Any

from monai_r2c.utils import Variant


def check_image(shape: list[int], channels: int, spatial_dims: int) -> None:
    """Refuse what is no batch of images of so many channels and spatial dimensions; TorchScript reads it too."""
    if len(shape) != spatial_dims + 2 or shape[1] != channels:
        raise ValueError(
            f"images must be (batch, {channels}, *spatial) with {spatial_dims} spatial dimensions, "
            f"got shape {list(shape)}."
        )


def check_counts(**counts: Any) -> None:
    """Refuse arguments that are no integers of at least 1."""
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {count!r}.")


def check_variant(variant: str) -> Variant:
    """Return the variant of this name; refuse others."""
    if variant not in list(Variant):
        raise ValueError(f"variant must be one of {', '.join(Variant)}, got {variant!r}.")
    return Variant(variant)

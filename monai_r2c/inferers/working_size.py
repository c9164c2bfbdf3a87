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

AUTO, TRAINED, NATIVE = "auto", "trained", "native"


def working_size(wanted: int | str | None, network: Any, trained: int) -> int | str:
    """Say at what size a model restores: the argument `size` of `RestorationInferer`.

    Args:
        wanted: ``"trained"``, ``"native"``, a length in pixels, or ``"auto"`` (None too): native with a network that
            keeps native detail, else the size of training.
        network: the restorer; one that restores whole images of any size as it was trained to says so by its attribute
            ``keeps_native_detail``.
        trained: length in pixels that it was trained at.

    Raises:
        ValueError: when `wanted` is none of these.
    """
    if wanted in (None, AUTO):
        return NATIVE if keeps_native_detail(network) else trained
    if wanted == TRAINED:
        return trained
    if wanted == NATIVE:
        return NATIVE
    if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted >= 1:
        return wanted
    raise ValueError(f'size must be "auto", "trained", "native" or a length of at least 1 pixel, got {wanted!r}.')


def keeps_native_detail(network: Any) -> bool:
    """Whether a restorer was made for whole images at their own size."""
    return bool(getattr(network, "keeps_native_detail", False))

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
from collections.abc import Mapping
from typing import Any

from .fit import check_generator
from .nets import (
    GeneratorBase,
    NativeGenerator,
    NativeGeneratorBase,
    NativeRestorer,
    R2CGenerator,
    R2CGeneratorBase,
    R2CRestorer,
    WrappedGenerator,
    WrappedGeneratorBase,
    WrappedRestorer,
)

Generator = R2CGenerator | WrappedGenerator | NativeGenerator
Restorer = R2CRestorer | WrappedRestorer | NativeRestorer


def build_generator(settings: Mapping[str, Any]) -> Generator:
    """Build a new generator from what ``get_settings()`` of one, or of its one-tensor view, said.

    Args:
        settings: arguments of `WrappedGenerator`, which have a ``network``, of `NativeGenerator`, which have a
            ``whole``, or else of `R2CGenerator`.

    Raises:
        TypeError, ValueError: as of these.
    """
    if "whole" in settings:
        return NativeGenerator(**settings)
    return WrappedGenerator(**settings) if "network" in settings else R2CGenerator(**settings)


def as_restorer(network: GeneratorBase) -> Restorer:
    """Return the same network as one that gives the image alone, which exports need; weights are shared, not copied.

    Raises:
        InputError: when it is none of R2C-GAN's generators, nor a wrapped or native network.
    """
    return _seen_as(network, R2CRestorer, WrappedRestorer, NativeRestorer)


def as_generator(network: GeneratorBase) -> Generator:
    """Return the same network as one that gives ``(image, logits)``; weights are shared, not copied.

    Raises:
        InputError: as `as_restorer`.
    """
    return _seen_as(network, R2CGenerator, WrappedGenerator, NativeGenerator)


def _seen_as(network: GeneratorBase, *views: type) -> Any:
    check_generator(network)
    # a shallow copy holds the same dictionaries of modules and parameters, so it follows when the other one moves
    view = copy.copy(network)
    kinds = (R2CGeneratorBase, WrappedGeneratorBase, NativeGeneratorBase)
    view.__class__ = next(view_kind for kind, view_kind in zip(kinds, views) if isinstance(network, kind))
    return view

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
    R2CGenerator,
    R2CRestorer,
    WrappedGenerator,
    WrappedGeneratorBase,
    WrappedRestorer,
)


def build_generator(settings: Mapping[str, Any]) -> R2CGenerator | WrappedGenerator:
    """Build a new generator from what ``get_settings()`` of one, or of its one-tensor view, said.

    Args:
        settings: arguments of `WrappedGenerator`, which have a ``network``, or else of `R2CGenerator`.

    Raises:
        TypeError, ValueError: as of these two.
    """
    return WrappedGenerator(**settings) if "network" in settings else R2CGenerator(**settings)


def as_restorer(network: GeneratorBase) -> R2CRestorer | WrappedRestorer:
    """Return the same network as one that gives the image alone, which exports need; weights are shared, not copied.

    Raises:
        InputError: when it is neither one of R2C-GAN's generators nor a wrapped network.
    """
    return _seen_as(network, R2CRestorer, WrappedRestorer)


def as_generator(network: GeneratorBase) -> R2CGenerator | WrappedGenerator:
    """Return the same network as one that gives ``(image, logits)``; weights are shared, not copied.

    Raises:
        InputError: as `as_restorer`.
    """
    return _seen_as(network, R2CGenerator, WrappedGenerator)


def _seen_as(network: GeneratorBase, kind: type, wrapped_kind: type) -> Any:
    check_generator(network)
    # a shallow copy holds the same dictionaries of modules and parameters, so it follows when the other one moves
    view = copy.copy(network)
    view.__class__ = wrapped_kind if isinstance(network, WrappedGeneratorBase) else kind
    return view

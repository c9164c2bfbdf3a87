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

from .nets import R2CGenerator, R2CGeneratorBase, R2CRestorer


def as_restorer(network: R2CGeneratorBase) -> R2CRestorer:
    """Return the same network as one that gives the image alone, which exports need; weights are shared, not copied."""
    return _seen_as(network, R2CRestorer)  # type: ignore[return-value]


def as_generator(network: R2CGeneratorBase) -> R2CGenerator:
    """Return the same network as one that gives ``(image, logits)``; weights are shared, not copied."""
    return _seen_as(network, R2CGenerator)  # type: ignore[return-value]


def _seen_as(network: R2CGeneratorBase, kind: type[R2CGeneratorBase]) -> R2CGeneratorBase:
    # a shallow copy holds the same dictionaries of modules and parameters, so it follows when the other one moves
    view = copy.copy(network)
    view.__class__ = kind
    return view

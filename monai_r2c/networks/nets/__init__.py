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

from .discriminator import R2CDiscriminator
from .generator import R2CClassifier, R2CGenerator, R2CGeneratorBase, R2CRestorer
from .native import NativeGenerator, NativeGeneratorBase, NativeRestorer
from .wrapped import WrappedGenerator, WrappedGeneratorBase, WrappedRestorer

GeneratorBase = R2CGeneratorBase | WrappedGeneratorBase | NativeGeneratorBase

__all__ = [
    "GeneratorBase",
    "NativeGenerator",
    "NativeGeneratorBase",
    "NativeRestorer",
    "R2CClassifier",
    "R2CDiscriminator",
    "R2CGenerator",
    "R2CGeneratorBase",
    "R2CRestorer",
    "WrappedGenerator",
    "WrappedGeneratorBase",
    "WrappedRestorer",
]

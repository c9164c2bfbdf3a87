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

from .average import average_models
from .blocks import OperationalConvolution
from .box import box_path, model_digest, model_path
from .convert import to_operational
from .convert_to_plain import from_operational
from .fit import check_network
from .initialisation import glorot_uniform_
from .layers import (
    OperationalConv1d,
    OperationalConv2d,
    OperationalConv3d,
    OperationalConvTranspose1d,
    OperationalConvTranspose2d,
    OperationalConvTranspose3d,
)
from .model_file import (
    ModelSettings,
    annotate_model,
    build_restorer,
    describe_model,
    find_model,
    has_degrader,
    load_degrader,
    load_restorer,
    read_settings,
    save_model,
)
from .nets import (
    NativeGenerator,
    NativeRestorer,
    R2CClassifier,
    R2CDiscriminator,
    R2CGenerator,
    R2CRestorer,
    WrappedGenerator,
    WrappedRestorer,
)
from .placement import set_memory_format, to_device, usual_memory_format
from .published import load_published_arrays
from .start import restorer_like, start_from, thumbnail_settings
from .views import as_generator, as_restorer, build_generator

__all__ = [
    "ModelSettings",
    "NativeGenerator",
    "NativeRestorer",
    "OperationalConv1d",
    "OperationalConv2d",
    "OperationalConv3d",
    "OperationalConvTranspose1d",
    "OperationalConvTranspose2d",
    "OperationalConvTranspose3d",
    "OperationalConvolution",
    "R2CClassifier",
    "R2CDiscriminator",
    "R2CGenerator",
    "R2CRestorer",
    "WrappedGenerator",
    "WrappedRestorer",
    "annotate_model",
    "as_generator",
    "as_restorer",
    "average_models",
    "box_path",
    "build_generator",
    "build_restorer",
    "check_network",
    "describe_model",
    "find_model",
    "from_operational",
    "glorot_uniform_",
    "has_degrader",
    "load_degrader",
    "load_published_arrays",
    "load_restorer",
    "model_digest",
    "model_path",
    "read_settings",
    "restorer_like",
    "save_model",
    "set_memory_format",
    "start_from",
    "thumbnail_settings",
    "to_device",
    "to_operational",
    "usual_memory_format",
]

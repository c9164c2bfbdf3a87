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

from .chain import Chain
from .class_head import ClassHead
from .convolution_kind import ConvolutionKind
from .gray_levels import with_gray_levels
from .instance_norm import InstanceNorm
from .local_line import local_line
from .local_restorer import LocalRestorer
from .operational_convolution import OperationalConvolution
from .parallel_operational import ParallelOperational
from .resampling import UPSAMPLINGS, ResizeUp, SameDown, SameUp
from .residual import R2CResidualBlock

__all__ = [
    "UPSAMPLINGS",
    "Chain",
    "ClassHead",
    "ConvolutionKind",
    "InstanceNorm",
    "LocalRestorer",
    "OperationalConvolution",
    "ParallelOperational",
    "R2CResidualBlock",
    "ResizeUp",
    "SameDown",
    "SameUp",
    "local_line",
    "with_gray_levels",
]

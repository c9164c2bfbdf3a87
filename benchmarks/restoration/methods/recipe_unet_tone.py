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

"""The recipe with a network that sees exposure, and images of which half keep their tone."""

from __future__ import annotations

from ..architectures import unet_of_the_bundle
from ..trained_method import bundle_method

_FAULTS = {"fault_prob": (0.0, 1.0), "compression_prob": (0.0, 1.0), "tone_fault_prob": 0.5}

METHOD = bundle_method(
    "recipe, U-Net that sees exposure, half of the tones kept",
    uses_poor=False,
    network_def={**unet_of_the_bundle(), "gray_levels": 7},
    synthetic_weight=10.0,
    structure_weight=3.0,
    ema_decay=0.998,
    learning_rate=5e-4,
    warm_start_epochs=1_000_000,  # synthetic pairs alone
    **{f"synthetic_degradation::{name}": value for name, value in _FAULTS.items()},
)

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

"""The recipe whose images have from one fault to all of them, so that it learns what to leave as it is."""

from __future__ import annotations

from ..architectures import unet_of_the_bundle
from ..trained_method import bundle_method

METHOD = bundle_method(
    "recipe, U-Net, from one fault to all",
    uses_poor=False,
    network_def=unet_of_the_bundle(),
    synthetic_weight=10.0,
    structure_weight=3.0,
    ema_decay=0.998,
    learning_rate=5e-4,
    warm_start_epochs=1_000_000,  # synthetic pairs alone
    **{"synthetic_degradation::fault_prob": (0.0, 1.0), "synthetic_degradation::compression_prob": (0.0, 1.0)},
)

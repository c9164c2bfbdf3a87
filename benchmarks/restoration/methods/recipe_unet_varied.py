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

"""The same, and the originals themselves differ more in tone than they do: a contrast is drawn for each anew."""

from __future__ import annotations

from ..architectures import unet_of_the_bundle
from ..trained_method import bundle_method

_FAULTS = {"fault_prob": (0.0, 1.0), "compression_prob": (0.0, 1.0), "tone_fault_prob": 0.5}

# in the place of the flip, whose probability is 0
_VARIED = {"_target_": "RandAdjustContrastd", "keys": "image", "prob": 1.0, "gamma": (0.8, 1.25)}

METHOD = bundle_method(
    "recipe, U-Net that sees exposure, tones of the originals varied",
    uses_poor=False,
    network_def={**unet_of_the_bundle(), "gray_levels": 7},
    synthetic_weight=10.0,
    structure_weight=3.0,
    ema_decay=0.998,
    learning_rate=5e-4,
    warm_start_epochs=1_000_000,  # synthetic pairs alone
    **{"train::augmentation::transforms::0": _VARIED},
    **{f"synthetic_degradation::{name}": value for name, value in _FAULTS.items()},
)

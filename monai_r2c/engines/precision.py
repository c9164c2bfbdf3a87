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

import torch

from monai_r2c.utils import InputError

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def autocast_for(precision: str, device: torch.device) -> torch.autocast:
    """Return the autocast context for a precision on a device.

    Args:
        precision: ``fp32`` (none), ``bf16``, or ``fp16`` on CUDA.
        device: of the networks.

    Raises:
        InputError: when the precision is unknown, or fp16 is asked for off CUDA.
    """
    if precision not in _DTYPES:
        raise InputError(f"precision: must be one of {', '.join(_DTYPES)}, got {precision!r}.")
    if precision == "fp16" and device.type != "cuda":
        raise InputError(f"precision: fp16 needs a CUDA device, this one is {device}; use bf16 or fp32.")
    return torch.autocast(device.type, dtype=_DTYPES[precision], enabled=precision != "fp32")


def scaler_for(precision: str) -> torch.amp.GradScaler:
    """Return the gradient scaler that one optimizer needs: active for fp16, passing through otherwise."""
    return torch.amp.GradScaler("cuda", enabled=precision == "fp16")

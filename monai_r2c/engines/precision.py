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


def resolve_precision(precision: str, device: str | torch.device) -> str:
    """Return the precision that ``auto`` stands for on a device: bf16 where the hardware multiplies it, else fp32.

    That is a GPU with bfloat16 of its own, or a processor with AMX. Elsewhere it stays at fp32
    (docs/source/decisions/speed.md). Any other precision is returned as it is.
    """
    if precision != "auto":
        return precision
    if str(device).startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.cpu.get_capabilities().get("amx_bf16", False) else "fp32"


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

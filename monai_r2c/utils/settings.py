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

from collections.abc import Callable
from typing import Any

import torch

from .enums import Variant
from .errors import InputError

Rule = tuple[Callable[[Any], bool], str]


def check_settings(**settings: Any) -> None:
    """Check a run's settings before anything is built from them.

    Args:
        settings: values by the name of the setting (`variant`, `order`, `learning_rate` ...), as in the bundle's
            ``train.yaml``. Only the given ones are checked.

    Raises:
        InputError: at the first wrong one, with its name, its value and what is allowed; at one that does not exist.
    """
    for key, value in settings.items():
        if key not in _RULES:
            raise InputError(f"{key}: there is no such setting; settings are {', '.join(_RULES)}.")
        fits, allowed = _RULES[key]
        if not fits(value):
            raise InputError(f"{key}: {value!r} is not allowed; it must be {allowed}.")
    if settings.get("warm_start_epochs", 0) > 0 and not settings.get("synthetic_weight", 1):
        raise InputError("warm_start_epochs: needs a synthetic_weight above 0, because it trains on synthetic images.")
    for key in ("structure_weight", "detail_weight"):
        if settings.get(key, 0) > 0 and not settings.get("synthetic_weight", 1):
            raise InputError(f"{key}: needs a synthetic_weight above 0, because it compares synthetic images.")
    if "load_size" in settings and settings["load_size"] < settings["image_size"]:
        raise InputError(
            f"load_size: {settings['load_size']} is not allowed; it must be at least image_size, "
            f"{settings['image_size']}."
        )


def _whole(least: int) -> Rule:
    text = f"a whole number of at least {least}"
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least, text


def _number(low: float, high: float | None = None, open_low: bool = False, open_high: bool = False) -> Rule:
    text = f"a number {'above' if open_low else 'of at least'} {low:g}"
    if high is not None:
        text += f" and {'below' if open_high else 'at most'} {high:g}"

    def fits(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
            return False
        above = value > low if open_low else value >= low
        return above and (high is None or (value < high if open_high else value <= high))

    return fits, text


def _one_of(*values: Any) -> Rule:
    # compared with their types, because 1 == True
    return lambda value: any(value == v and type(value) is type(v) for v in values), " or ".join(map(str, values))


def _or_null(rule: Rule) -> Rule:
    fits, allowed = rule
    return lambda value: value is None or fits(value), f"{allowed}, or null"


def _are_label_weights(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_number(0)[0](weight) for weight in value)
    return value is None or value == "balanced"


def _is_device(value: Any) -> bool:
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError):
        return False
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    return device.type == "cpu"


_RULES: dict[str, Rule] = {
    "variant": _one_of(*(variant.value for variant in Variant)),
    "order": _whole(1),
    "upsampling": _one_of("transposed", "resize"),
    "channels": _whole(1),
    "features": _or_null(_whole(2)),
    "image_size": _whole(16),
    "load_size": _whole(16),
    "flip_prob": _number(0, 1),
    "batch_size": _whole(1),
    "max_epochs": _whole(1),
    "decay_epoch": _or_null(_whole(0)),
    "learning_rate": _number(0, open_low=True),
    "cycle_weight": _number(0),
    "identity_weight": _number(0),
    "class_weight": _number(0),
    "label_weights": (_are_label_weights, "balanced, a list of numbers of at least 0, one for each class, or null"),
    "synthetic_weight": _number(0),
    "structure_weight": _number(0),
    "detail_weight": _number(0),
    "warm_start_epochs": _whole(0),
    "pool_size": _whole(0),
    "ema_decay": _number(0, 1, open_high=True),
    "precision": _one_of("auto", "fp32", "bf16", "fp16"),
    "memory_format": _one_of("auto", "contiguous", "channels_last"),
    "compile": _one_of(True, False, "auto"),
    "num_workers": _whole(0),
    "cache_rate": _number(0, 1),
    "device": (_is_device, "cpu, cuda or cuda:N of a GPU that is there"),
    "seed": _whole(0),
    "resume": _one_of(True, False, "auto"),
    "on_nan": _one_of("stop", "skip"),
    "accumulation_steps": _whole(1),
    "val_interval": _whole(1),
    "passes": _whole(1),
}

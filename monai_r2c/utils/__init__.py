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

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    InputError,
    NonFiniteLossError,
    RunError,
    describe_error,
    find_input_error,
    in_one_line,
    report_in_one_line,
)
from .memory import keep_freed_memory

if TYPE_CHECKING:
    from .config_keys import check_keys
    from .enums import R2CKeys, Variant
    from .processes import (
        check_one_process,
        process_count,
        process_device,
        process_rank,
        start_processes,
        stop_processes,
    )
    from .settings import check_settings

__all__ = [
    "InputError",
    "NonFiniteLossError",
    "R2CKeys",
    "RunError",
    "Variant",
    "check_keys",
    "check_one_process",
    "check_settings",
    "describe_error",
    "find_input_error",
    "in_one_line",
    "keep_freed_memory",
    "process_count",
    "process_device",
    "process_rank",
    "report_in_one_line",
    "start_processes",
    "stop_processes",
]

# these need torch or MONAI, which take seconds; the command line answers about its usage without them
_LATE = {
    "check_keys": "config_keys",
    "R2CKeys": "enums",
    "Variant": "enums",
    "check_one_process": "processes",
    "process_count": "processes",
    "process_device": "processes",
    "process_rank": "processes",
    "start_processes": "processes",
    "stop_processes": "processes",
    "check_settings": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)

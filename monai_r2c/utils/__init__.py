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

from .config_keys import check_keys
from .enums import R2CKeys, Variant
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
from .processes import process_count, process_device, process_rank, start_processes, stop_processes
from .settings import check_settings

__all__ = [
    "InputError",
    "NonFiniteLossError",
    "R2CKeys",
    "RunError",
    "Variant",
    "check_keys",
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

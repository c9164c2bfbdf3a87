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

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

from .errors import InputError, report_in_one_line


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module of one of the package's extras.

    Args:
        module: full name.
        extra: that brings it.
        purpose: what needs it, such as "reader studies".

    Raises:
        InputError: when it is not installed; the line names the extra and the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(module, extra, purpose) from error


def require_for_onnx_export() -> None:
    """End MONAI's command ``onnx_export`` in one line where it would end in the traceback of a missing module.

    Raises:
        InputError: when this process is that command and the extra ``export`` is not installed.
    """
    if {"monai.bundle", "onnx_export"} <= set(getattr(sys, "orig_argv", [])):
        for module in ("onnx", "onnxscript"):
            if find_spec(module) is None:
                report_in_one_line()
                raise _missing(module, "export", "onnx_export")


def _missing(module: str, extra: str, purpose: str) -> InputError:
    package, verb = module.partition(".")[0], "need" if purpose.endswith("s") else "needs"
    return InputError(f"{package} is not installed; {purpose} {verb} it: pip install 'monai_r2c[{extra}]'")

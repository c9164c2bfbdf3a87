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

import re
import sys
import traceback
from types import TracebackType

_NAMED = re.compile(r"(?:InputError|RunError|NonFiniteLossError): (?P<message>[^\n]+)")


class InputError(ValueError):
    """What the user gave is wrong: one line that says what, where (the file or the key) and what would be right.

    Characters of a file's name that would break the line, or that no terminal can print, are escaped.
    """

    def __init__(self, message: str) -> None:
        # torch makes the error of a data loader's worker anew with its whole traceback, see `find_input_error`
        super().__init__(message if message.startswith("Caught ") else in_one_line(message))


class RunError(RuntimeError):
    """A run cannot go on for what happened to it: one line that says what, where, and how to continue."""


class NonFiniteLossError(RunError):
    """A loss or gradient became NaN or infinite; the message names it, the step and the files of the batch.

    Args:
        message: one line.
        saved: whether the state of the run has been saved.
    """

    def __init__(self, message: str, saved: bool = False) -> None:
        super().__init__(message)
        self.saved = saved


def in_one_line(text: str) -> str:
    """Return a text with everything escaped that would break its line or cannot be encoded."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def describe_error(error: BaseException, where: object) -> str:
    """Say in one line what went wrong with a file: the line of an `InputError` in the chain of causes, or the first."""
    line = find_input_error(error)
    if line is not None:
        return line
    while error.__cause__ is not None:
        error = error.__cause__
    reason = next(iter(str(error).splitlines()), "")
    return in_one_line(f"{where}: {type(error).__name__}: {reason[:300]}".removesuffix(": "))


def find_input_error(error: BaseException) -> str | None:
    """Return the one line of the first `InputError` or `RunError` in the chain of causes of `error`, or None.

    MONAI wraps errors of config components and transforms, and data loader workers turn theirs into text; the line
    is found through both.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (InputError, RunError)) and "\n" not in str(seen):
            return str(seen)
        named = _NAMED.search(str(seen))
        if named:
            return named["message"].strip()
        seen = seen.__cause__ or seen.__context__
    return None


def report_in_one_line() -> None:
    """From now on, let an uncaught `InputError` or `RunError` end the process with its one line instead of a traceback.

    Meant for ``initialize`` of a bundle's config. Other errors keep their traceback; the exit
    status is 1 in both cases.
    """
    sys.excepthook = _excepthook


def _excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("Interrupted.", file=sys.stderr)
        return
    message = find_input_error(error)
    if message is None:
        traceback.print_exception(kind, error, trace)
    else:
        print(f"Error: {message}", file=sys.stderr)

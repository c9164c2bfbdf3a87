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

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Background:
    """Does one call after another in a thread of its own, in the order in which they are given.

    Args:
        waiting: calls that may wait; who gives another one waits until there is room, so that memory stays bounded.

    Raises:
        Exception: of the first call that failed, in whoever calls `do` or `finish` next; those after it are left out.
    """

    def __init__(self, waiting: int = 2) -> None:
        self.waiting = waiting
        self._pool: ThreadPoolExecutor | None = None
        self._calls: deque[Future] = deque()

    def do(self, call: Callable[[], Any]) -> None:
        """Let a call be done."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "background")
        while self._calls and (len(self._calls) > self.waiting or self._calls[0].done()):
            self._settle()
        self._calls.append(self._pool.submit(self._after, self._calls[-1] if self._calls else None, call))

    def finish(self) -> None:
        """Wait until all is done, and end the thread."""
        while self._calls:
            self._settle()
        self.abandon()

    def abandon(self) -> None:
        """End the thread after the call that it is at; what waits is left out."""
        self._calls.clear()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _after(last: Future | None, call: Callable[[], Any]) -> None:
        """Do a call unless the one before it failed or was itself left out."""
        if last is not None and last.exception() is not None:
            raise last.exception()  # type: ignore[misc]
        call()

    def _settle(self) -> None:
        try:
            self._calls[0].result()
        except BaseException:
            self.abandon()
            raise
        self._calls.popleft()

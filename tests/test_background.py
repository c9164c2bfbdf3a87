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

import threading

import pytest

from monai_r2c.utils.background import Background


def test_calls_are_done_in_their_order_in_one_other_thread() -> None:
    done: list[tuple[int, int]] = []
    background = Background()
    for number in range(20):
        background.do(lambda number=number: done.append((number, threading.get_ident())))
    background.finish()
    assert [number for number, _ in done] == list(range(20))
    assert len({thread for _, thread in done}) == 1
    assert done[0][1] != threading.get_ident()


def test_who_gives_too_much_waits() -> None:
    begun, go_on = threading.Semaphore(0), threading.Semaphore(0)
    background, given = Background(waiting=2), []

    def call() -> None:
        begun.release()
        go_on.acquire()

    def give() -> None:
        for number in range(5):
            background.do(call)
            given.append(number)

    giver = threading.Thread(target=give)
    giver.start()
    begun.acquire()
    giver.join(0.2)
    assert given == [0, 1, 2], "one is being done and two wait"
    for _ in range(5):
        go_on.release()
    giver.join()
    background.finish()


def test_failure_is_raised_to_the_giver_and_nothing_is_done_after_it() -> None:
    done: list[int] = []
    background = Background(waiting=9)
    background.do(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        background.finish()
    background.do(lambda: done.append(1))
    background.finish()
    assert done == [1]

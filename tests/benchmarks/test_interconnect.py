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

import pytest

from benchmarks.speed.interconnect import Link, Machine

INSIDE, BETWEEN = Link(100.0, 1.0), Link(10.0, 5.0)


def test_ring_of_two_sends_each_byte_once_and_each_message_there_and_back() -> None:
    assert Machine("", 1, 2, INSIDE).averaging(volume=300, calls=1) == pytest.approx(300 / 100 + 2)


def test_ring_over_nodes_is_as_wide_as_the_link_between_them() -> None:
    machine = Machine("", 4, 2, INSIDE, BETWEEN)
    # 7 of 8 parts twice; 4 hops inside the nodes and 3 between them, twice a call
    assert machine.averaging(volume=80, calls=3) == pytest.approx(2 * 7 / 8 * 80 / 10 + 3 * 2 * (4 * 1 + 3 * 5))


def test_tree_goes_from_node_to_node_in_the_logarithm_of_their_number() -> None:
    machine = Machine("", 4, 2, INSIDE, BETWEEN)
    assert machine.averaging(volume=0, calls=1, tree=True) == pytest.approx(2 * (1 * 1 + 2 * 5))

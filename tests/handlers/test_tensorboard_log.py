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

import time
from pathlib import Path

from ignite.engine import Engine, Events

from monai_r2c.handlers import TensorBoardLog


def test_event_file_of_a_run_resumed_within_the_second_comes_last(tmp_path: Path) -> None:
    # named as if a process that sorts after any other had begun in this and in the next second
    earlier = [tmp_path / f"events.out.tfevents.{int(time.time()) + i}.~.1.0" for i in (0, 1)]
    for path in earlier:
        path.touch()
    engine = Engine(lambda engine, batch: {})
    TensorBoardLog(tmp_path).attach(engine)
    while time.time() < int(earlier[1].name.split(".")[3]):
        time.sleep(0.05)
    engine.fire_event(Events.EPOCH_STARTED)
    (found,) = set(tmp_path.iterdir()) - set(earlier)
    assert sorted(tmp_path.iterdir())[-1] == found

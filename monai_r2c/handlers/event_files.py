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

import os
from pathlib import Path

from monai_r2c.data import replaced_at_once


def remove_later_steps(folder: str | os.PathLike, suffix: str, step: int) -> None:
    """Take the events of later steps out of TensorBoard's event files.

    A purge as TensorBoard knows it would take them from all writers of the folder. What follows a record that was cut
    off, when its process was killed, goes too.

    Args:
        folder: of the event files.
        suffix: of the names of those to change, ``filename_suffix`` of their writer.
        step: the last one to keep.

    Raises:
        OSError: when a file cannot be written; it is left as it was then.
    """
    # imported late: tensorboard loads TensorFlow where that is installed
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    for path in Path(folder).glob(f"events.out.tfevents.*{suffix}"):
        if all(Event.FromString(record).step <= step for record in RawEventFileLoader(str(path)).Load()):
            continue
        with replaced_at_once(path) as partial, partial.open("wb") as file:
            writer = RecordWriter(file)
            for record in RawEventFileLoader(str(path)).Load():
                if Event.FromString(record).step <= step:
                    writer.write(record)

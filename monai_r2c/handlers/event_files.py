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
import struct
from collections.abc import Iterator
from pathlib import Path

from monai_r2c.utils.files import replaced_at_once


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
    for path in Path(folder).glob(f"events.out.tfevents.*{suffix}"):
        if all(found <= step for found, _ in _records(path)):
            continue
        with replaced_at_once(path) as partial, partial.open("wb") as file:
            file.writelines(record for found, record in _records(path) if found <= step)


def _records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Give the step and the bytes of each record of an event file, up to the first that is not whole.

    A record is the length of an event, its checksum, the event, its checksum. TensorBoard's own reader computes all
    checksums in Python, which takes a second for some 8 MB of a log with images.
    """
    # imported late: tensorboard loads TensorFlow where that is installed
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    with path.open("rb") as file:
        while len(header := file.read(12)) == 12:
            length, checksum = struct.unpack("<QI", header)
            if checksum != masked_crc32c(header[:8]):
                return
            content = file.read(length + 4)
            if len(content) < length + 4:
                return
            try:
                event = Event.FromString(content[:-4])
            except DecodeError:
                return
            yield event.step, header + content

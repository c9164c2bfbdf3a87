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

import errno
import signal
import threading
import traceback

import torch
import torch.distributed as dist

_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file would become larger than allowed",
    errno.EROFS: "the disk is read-only",
    errno.EIO: "the disk does not answer",
}


def explain_fault(error: BaseException) -> str | None:
    """Say in a few words what of the machine, not of the code, ended a run; None when it is something else.

    Known are disks that are full, over quota or failing, data loader workers that the system killed, other processes of
    the run that ended, and too little GPU memory.
    """
    seen: BaseException | None = error
    while seen is not None:
        reason = _explain(seen)
        if reason is not None:
            return reason
        seen = seen.__cause__ or seen.__context__
    return None


def ignore_ending_workers() -> None:
    """Keep torch from raising, at any line from here on, that a worker of a data loader has ended."""
    if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _explain(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno in _DISK:
        return f"{error.filename or 'a file'} cannot be written, {_DISK[error.errno]}"
    if isinstance(error, torch.OutOfMemoryError):
        return "the GPU has too little memory; use a smaller batch_size or more accumulation_steps"
    text = str(error)
    if (isinstance(error, RuntimeError) and text.startswith("DataLoader worker")) or _is_lost_batch(error):
        return "a worker of the data loader was killed, often for lack of memory; use fewer num_workers"
    lost = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting", "gloo")
    if isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and any(part in text for part in lost)):
        return "another process of the run ended or does not answer; its own message says why"
    return None


def _is_lost_batch(error: BaseException) -> bool:
    """Whether a worker was gone while its batch was fetched; what a living worker raises comes another way."""
    if not isinstance(error, (ConnectionError, EOFError, FileNotFoundError)):
        return False
    return any(frame.name == "_try_get_data" for frame in traceback.extract_tb(error.__traceback__))

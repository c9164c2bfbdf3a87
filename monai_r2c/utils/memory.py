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

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # of malloc.h


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, for its next request, instead of giving it back at once.

    A training step on the CPU asks for the same large buffers again and again. The GNU C library gives each back to
    the system when it is freed and the system clears every page of the next one, which takes some 5 % of a step of the
    operational networks at 256 x 256; a radiograph of 2,000 pixels that is read, restored and written asks for some
    twenty. The process then stays at its peak memory until it ends, so this is for training and for the restoring of
    many images, not for a service that restores one now and then.

    Returns:
        Whether it was done: only with the GNU C library, that is on most Linux systems.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    # one arena, so that what one thread frees serves the others
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, -1), mallopt(_ARENA_MAX, 1)])

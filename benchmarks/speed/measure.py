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

"""Measuring: what one call costs, beside what the machine can do in the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def set_tf32(precision: str) -> None:
    """Let float32 products and convolutions of a GPU be of TF32, or not."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"


def seconds_of(call: Callable[[], Any], device: torch.device) -> float:
    """Time one call, to the end of what it started on the device.

    One thread on the CPU is timed by the processor time it got, which other users of the machine disturb least.
    """
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    synchronize(device)
    start = clock()
    call()
    synchronize(device)
    return clock() - start


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def flops_of(call: Callable[[], Any]) -> int:
    """Count the floating-point operations of the products and convolutions of one call, backward passes included."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def mean_rate(call: Callable[[], Any], flops: int, seconds: float, device: torch.device) -> float:
    """Operations a second of calls repeated for so many seconds: a step lasts long, so its peak must be a mean too."""
    times: list[float] = []
    while sum(times) < seconds:
        times.append(seconds_of(call, device))
    return flops * len(times) / sum(times)


class MatrixProduct:
    """The machine's peak: a product of square matrices, as fast as the library makes it."""

    def __init__(self, precision: str, device: torch.device) -> None:
        self.precision = precision
        self.device, size = device, 8192 if device.type == "cuda" else 2048
        self.a, self.b = (torch.randn(size, size, device=device, dtype=DTYPES[precision]) for _ in range(2))
        self.flops = 2 * size**3

    def rate(self, seconds: float = 0.4) -> float:
        """Floating-point operations a second, over so many seconds."""
        set_tf32(self.precision)
        return mean_rate(lambda: self.a @ self.b, self.flops, seconds, self.device)


class Convolution:
    """The convolution of the operational trunk on powers that are there already: what its layers could reach."""

    def __init__(self, precision: str, channels_last: bool, size: int, device: torch.device) -> None:
        dtype, self.device, self.precision = DTYPES[precision], device, precision
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.x = torch.randn(1, 384, size // 2 + 2, size // 2 + 2, device=device, dtype=dtype).to(memory_format=layout)
        self.weight = torch.randn(128, 384, 3, 3, device=device, dtype=dtype).to(memory_format=layout)
        self.flops = 2 * 128 * 384 * 9 * (size // 2) ** 2

    @torch.no_grad()
    def rate(self, seconds: float = 0.4) -> float:
        """Floating-point operations a second, over so many seconds."""
        set_tf32(self.precision)
        return mean_rate(lambda: F.conv2d(self.x, self.weight), self.flops, seconds, self.device)


@contextmanager
def saved_bytes(networks: list[nn.Module]) -> Iterator[list[int]]:
    """Count what autograd keeps for the backward pass, but for the parameters, which are there anyway."""
    parameters = {p.untyped_storage().data_ptr() for network in networks for p in network.parameters()}
    kept: dict[int, int] = {}
    total: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total
    total.append(sum(kept.values()))


class PeakMemory:
    """Peak memory since the start of a ``with`` block: of the device, or on the CPU of the process on Linux.

    Attributes:
        bytes: the peak; None where it cannot be measured.
    """

    bytes: int | None = None

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")  # the kernel's way to reset VmHWM
        return self

    def __exit__(self, *exception: object) -> None:
        status = Path("/proc/self/status")
        if self.device.type == "cuda":
            self.bytes = torch.cuda.max_memory_allocated(self.device)
        elif status.exists():
            lines = status.read_text().splitlines()
            self.bytes = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

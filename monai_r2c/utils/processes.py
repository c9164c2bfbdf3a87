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
import pickle
import time
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from .errors import InputError

_RELEASE_SECONDS = 5.0


def process_rank() -> int:
    """Return the number of this process among those of the run, from 0; 0 writes the files."""
    return dist.get_rank() if _several() else 0


def process_count() -> int:
    """Return how many processes train together; 1 without a process group."""
    return dist.get_world_size() if _several() else 1


def process_device() -> str:
    """Return the device of a process that torchrun started: a GPU of its own where there are any, else the CPU.

    Raises:
        InputError: when there are fewer GPUs than processes on this machine.
    """
    if not torch.cuda.is_available():
        return "cpu"
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if local >= torch.cuda.device_count():
        raise InputError(
            f"nproc_per_node: this machine has {torch.cuda.device_count()} GPUs, too few for process {local + 1}; "
            "start as many processes as GPUs at most."
        )
    return f"cuda:{local}"


def start_processes(device: str | torch.device, timeout_minutes: float = 30) -> None:
    """Join the processes that torchrun started: over NCCL on GPUs, over gloo on CPUs.

    Args:
        device: of this process, see `process_device`.
        timeout_minutes: how long a process waits for the others before it gives up.

    Raises:
        InputError: when torchrun did not start this process.
    """
    if "WORLD_SIZE" not in os.environ:
        raise InputError(
            "multi-GPU configs: need torchrun, such as torchrun --standalone --nproc_per_node=2 -m monai.bundle run ..."
        )
    device = torch.device(device)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timedelta(minutes=timeout_minutes))


def check_one_process(config: str) -> None:
    """Refuse a config of one process that torchrun started several times: each would write the same files.

    Args:
        config: file name of the one that joins them, to be given too.

    Raises:
        InputError: when torchrun started more than one process.
    """
    started = os.environ.get("WORLD_SIZE", "1")
    if started != "1" and not _several():
        raise InputError(
            f"WORLD_SIZE: {started} processes were started, but the configs are for one; give {config} too."
        )


def stop_processes() -> None:
    """Leave the process group, if there is one."""
    if _several():
        dist.destroy_process_group()


def on_any_process(flag: torch.Tensor | bool, device: str | torch.device | None = None) -> bool:
    """Return whether `flag` is true on any process; every process has to ask.

    Args:
        flag: of this process; a tensor has one element.
        device: where the processes exchange it; default that of `flag`.
    """
    if process_count() == 1:
        return bool(flag)
    shared = torch.as_tensor(flag, device=device).reshape(1).to(torch.int32)
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    _wait_until_released(shared)
    return bool(shared.item())


def mean_over_processes(values: torch.Tensor, device: str | torch.device | None = None) -> torch.Tensor:
    """Return the mean of a tensor over all processes, each of which has to call this with the same shape."""
    if process_count() == 1:
        return values
    shared = values.to(device, copy=True)
    dist.all_reduce(shared, dist.ReduceOp.SUM)
    _wait_until_released(shared)
    return (shared / process_count()).to(values.device)


def gather_from_processes(value: Any) -> list[Any]:
    """Return the value of every process, in order of rank; it is pickled, so its tensors should be on the CPU."""
    if process_count() == 1:
        return [value]
    device = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
    own = torch.frombuffer(bytearray(pickle.dumps(value)), dtype=torch.uint8).to(device)
    sizes = [torch.zeros(1, dtype=torch.int64, device=device) for _ in range(process_count())]
    size = torch.tensor([own.numel()], device=device)
    dist.all_gather(sizes, size)
    longest = max(int(each) for each in sizes)
    padded = torch.zeros(longest, dtype=torch.uint8, device=device)
    padded[: own.numel()] = own
    parts = [torch.empty_like(padded) for _ in sizes]
    dist.all_gather(parts, padded)
    _wait_until_released(size, padded, *sizes, *parts)
    return [pickle.loads(part[: int(each)].cpu().numpy().tobytes()) for part, each in zip(parts, sizes, strict=True)]


def _wait_until_released(*shared: torch.Tensor) -> None:
    """Wait until only the caller holds the tensors.

    A thread of gloo lets go of a tensor some time after the caller has its result. Where that thread is late and the
    process ends meanwhile, it waits for an interpreter that is gone, and the process aborts. NCCL has no such thread.
    A tensor that somebody keeps for good is not waited for beyond `_RELEASE_SECONDS`.
    """
    latest = time.monotonic() + _RELEASE_SECONDS
    while any(not tensor.is_cuda and tensor._use_count() > 1 for tensor in shared):  # type: ignore[attr-defined]
        if time.monotonic() > latest:
            return
        time.sleep(0.0002)


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()

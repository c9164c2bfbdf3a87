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
"""What torchrun starts for `processes.py`: steps of training with networks as multi_gpu_train.yaml wraps them."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from cases import Setting, Training
from measure import flops_of, synchronize
from torch.distributed.algorithms.ddp_comm_hooks.debugging_hooks import noop_hook
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import profile

from monai_r2c.utils import keep_freed_memory, process_device, process_rank, start_processes, stop_processes
from monai_r2c.utils.processes import gather_from_processes

MARK = "processes:"


class Reduction:
    """Averages gradients as ``DistributedDataParallel`` does by itself, and keeps the bytes of each bucket.

    Attributes:
        sizes: bytes of each all-reduce since it was emptied.
        off: whether gradients stay as they are, for a step without communication.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.off = False

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        wrapped = DistributedDataParallel(network)
        wrapped.register_comm_hook(self, lambda self, bucket: self.reduce(bucket))
        return wrapped

    def reduce(self, bucket: dist.GradBucket) -> torch.futures.Future:
        self.sizes.append(bucket.buffer().nbytes)
        return (noop_hook if self.off else allreduce_hook)(None, bucket)


def measure(setting: Setting, rounds: int) -> dict[str, Any]:
    """Steps with and without the averaging in turn, and the averaging alone; the least of the rounds."""
    device = torch.device(process_device())
    start_processes(device)
    reduction = Reduction()
    step = Training(setting, device, reduction.wrap)
    if device.type == "cpu":
        keep_freed_memory()
    for _ in range(2):  # after the first one the buckets are formed anew
        step()
    reduction.sizes.clear()
    flops = flops_of(step)
    sizes = list(reduction.sizes)
    buffers = [torch.zeros(size // 4, device=device) for size in sizes]
    works = {"step": step, "unshared": step, "alone": lambda: [dist.all_reduce(buffer) for buffer in buffers]}
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            reduction.off = name == "unshared"
            costs[name].append(cost_of(work, device))
    reduction.off = False
    found = {"bytes": sizes, "flops": flops, "collectives": collectives_of(step)}
    for name, values in costs.items():
        clock, processor = (min(column) for column in zip(*values))
        found[name] = {"clock": clock, "processor": processor}
    return found


def cost_of(call: Callable[[], Any], device: torch.device) -> tuple[float, float]:
    """Seconds by the clock and of this process's processor time, when all processes start together."""
    dist.barrier()
    synchronize(device)
    clock, processor = time.perf_counter(), time.process_time()
    call()
    synchronize(device)
    return time.perf_counter() - clock, time.process_time() - processor


def collectives_of(call: Callable[[], Any]) -> dict[str, int]:
    """What the processes exchange in one call, by the profiler's names."""
    with profile() as profiler:
        call()
    events = Counter({event.key: event.count for event in profiler.key_averages()})
    return {key: count for key, count in events.items() if key.startswith(("gloo:", "nccl:"))}


if __name__ == "__main__":
    fields, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
    results = gather_from_processes(measure(Setting(**fields), rounds))
    if process_rank() == 0:
        print(MARK, json.dumps(results), flush=True)
    stop_processes()

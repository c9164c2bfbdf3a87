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

"""What decides the defaults on a GPU: one case after the other, the plain ones first, until the time is over."""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import torch
import torch.nn as nn
from cases import Setting, build, count
from measure import DTYPES, MatrixProduct, PeakMemory, seconds_of, set_tf32

from monai_r2c.networks import load_restorer

_PRECISIONS = ("fp32", "tf32", "bf16")
_ROUNDS, _SECONDS = 3, 0.15
_WARM_UP = 4  # graphs are recorded in the third call
_COMPARED = 1024  # pixels a side, up to which the CPU restores the image too


def settings_of(size: int, batches: list[int]) -> Iterator[Setting]:
    """All that is compared: every way without compilation, then compiled ones of what most would train with."""
    formats, tasks = (False, True), ("training", "inference")
    for batch, task, precision, layout in product(batches, tasks, _PRECISIONS, formats):
        yield Setting(task, "operational", precision, layout, "no", batch, size)
    for batch, task in product(batches, tasks):
        for precision in ("bf16", "tf32"):
            yield Setting(task, "operational", precision, True, "graphs", batch, size)
        for how in ("yes", "compiled_graphs"):
            yield Setting(task, "operational", "bf16", True, how, batch, size)


def measure_cases(settings: Iterator[Setting], device: torch.device, seconds: float) -> Iterator[dict[str, Any]]:
    """Measure one setting after the other; begin none after so many seconds. A failure is a row that says so."""
    start = time.perf_counter()
    peaks = {precision: MatrixProduct(precision, device).rate() for precision in _PRECISIONS}
    for setting in settings:
        if time.perf_counter() - start > seconds:
            return
        row: dict[str, Any] = {
            "task": setting.task,
            "precision": setting.precision,
            "format": "channels_last" if setting.channels_last else "contiguous",
            "compile": setting.compiled,
            "batch": setting.batch,
        }
        try:
            row |= _measure(setting, device, peaks[setting.precision])
        except Exception as error:  # out of memory, or what a compiler refuses: the other cases go on
            row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
        torch.compiler.reset()
        gc.collect()
        torch.cuda.empty_cache()
        yield row


def _measure(setting: Setting, device: torch.device, peak: float) -> dict[str, Any]:
    flops, _ = count(replace(setting, precision="fp32", channels_last=False, compiled="no", batch=1), device)
    case = build(setting, device)
    start_up = sum(seconds_of(case, device) for _ in range(_WARM_UP))
    with PeakMemory(device) as memory:
        seconds_of(case, device)
    times = []
    for _ in range(_ROUNDS):
        spent, calls = 0.0, 0
        while spent < _SECONDS:
            spent, calls = spent + seconds_of(case, device), calls + 1
        times.append(spent / calls)
    seconds = statistics.median(times)
    return {
        "seconds": seconds,
        "images_per_second": setting.batch / seconds,
        "fraction_of_peak": flops * setting.batch / seconds / peak,
        "peak_memory": memory.bytes,
        "start_up_seconds": start_up,
    }


@torch.inference_mode()
def measure_box(sizes: list[int], device: torch.device) -> list[dict[str, Any]]:
    """Images a second of the model in the box alone, and how many of 255 gray levels it is from fp32 on the CPU."""
    exactly, restorer = load_restorer("box")[0].eval(), load_restorer("box", device=device)[0].eval()
    found = []
    for size in sizes:
        image = _shaded(size)
        exact = exactly(image)[0] if size <= _COMPARED else None
        given = image.to(device)
        for precision in _PRECISIONS:
            set_tf32(precision)
            call = functools.partial(_restore, restorer, given, DTYPES[precision])
            restored = call()
            with PeakMemory(device) as memory:
                seconds_of(call, device)
            seconds = statistics.median(seconds_of(call, device) for _ in range(5))
            row = {"size": size, "precision": precision, "seconds": seconds, "peak_memory": memory.bytes}
            if exact is not None:
                difference = (restored.float().cpu() - exact).abs() * 127.5
                row |= {"gray_levels_mean": float(difference.mean()), "gray_levels_most": float(difference.max())}
            found.append(row)
    return found


def _restore(restorer: nn.Module, image: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    with torch.autocast(image.device.type, dtype, enabled=dtype != torch.float32):
        restored: torch.Tensor = restorer(image)[0]
    return restored


def _shaded(size: int) -> torch.Tensor:
    """A smooth, noisy image with an edge, in [-1, 1]."""
    axis = torch.linspace(-1, 1, size)
    image = 0.7 * torch.cos(3 * axis)[:, None] * torch.cos(2 * axis)[None] + 0.2 * (axis > 0.3)
    noise = torch.randn(size, size, generator=torch.Generator().manual_seed(0))
    return (image + 0.05 * noise).clamp(-1, 1)[None, None]

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

import copy
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn

from monai_r2c.networks import NativeGenerator, R2CGenerator, WrappedGenerator, to_device, usual_memory_format
from monai_r2c.utils.processes import gather_from_processes, process_rank

from .precision import autocast_for

_LOGGER = logging.getLogger("monai_r2c.training")

Way = tuple[str, str]
Generator = R2CGenerator | WrappedGenerator | NativeGenerator

_SECONDS = 1.0
_PATIENCE = 5.0  # times that: what the first size may take, since smaller images say how long the weights take
_FIRST_SIZE, _LEAST_SIZE, _PROBE_SIZE = 64, 32, 16
_LEAST_ROUNDS, _MOST_ROUNDS = 2, 8
_PRECISION_GAIN, _FORMAT_GAIN = 0.95, 0.9  # of the time of fp32 and the usual format, below which another is taken
_HOPELESS = 1.3  # times the best: not measured at the next size
_EMULATED, _SURELY = 2.2, 10.0  # times the best at 16 pixels: a precision that goes no further; known from one pass


@dataclass(frozen=True)
class Execution:
    """In which precision and memory format networks run.

    Attributes:
        precision: ``fp32``, ``bf16`` or ``fp16``.
        memory_format: ``contiguous`` or ``channels_last``; ``auto`` for a `NativeGenerator`, see `usual_memory_format`.
        measured: what was measured to find that, empty where nothing was: seconds of a forward and backward pass by
            ``"precision memory_format size"``.
    """

    precision: str
    memory_format: str
    measured: Mapping[str, float] = field(default_factory=dict)


def choose_execution(
    network: Generator,
    image_size: int,
    device: str | torch.device,
    precision: str = "auto",
    memory_format: str = "auto",
    batch_size: int = 1,
    resumed: str | os.PathLike | None = None,
    seconds: float = _SECONDS,
) -> Execution:
    """Say how a network trains fastest on a device: measured where `precision` is ``auto``, else by rule.

    Forward and backward passes of copies of the network are timed in turn, in fp32 and bf16, contiguous and
    channels_last, on images that grow from 64 pixels up to `image_size`, as far as the time allows; a way that is far
    behind is not measured at the next size, and a precision that the processor emulates at 16 pixels alone. The usual
    format stays unless the other one takes 10 % less time, because channels_last gains with the size, and fp32 unless
    bf16 takes 5 % less. On the CPU one thread is timed, by its processor time, so that a busy machine gives the same
    answer. Nothing random is touched. What the first of several processes finds holds for all.

    Args:
        network: a generator of this package, which is not changed; a `NativeGenerator` is measured on crops.
        image_size: length of the sides of training images.
        device: where it will train.
        precision: ``auto``, or the one to take; with one that is named nothing is measured, so that the choice can be
            repeated anywhere.
        memory_format: ``auto``, ``contiguous`` or ``channels_last``; the rule for ``auto`` with a named precision is
            `usual_memory_format`.
        batch_size: of training; the CPU measures single images.
        resumed: the ``configuration.json`` of the run that goes on, whose choice stands for ``auto``; None, or one that
            does not exist, chooses anew.
        seconds: about how long measuring may take; up to five times that for a network that is slow at 64 pixels.

    Returns:
        The choice, which is also logged in one line where it was measured.
    """
    device = torch.device(device)
    kept = _choice_of(resumed)
    precision = kept.get("precision", "auto") if precision == "auto" else precision
    memory_format = kept.get("memory_format", "auto") if memory_format == "auto" else memory_format
    usual = usual_memory_format(network, device, image_size)
    if precision != "auto":
        return Execution(precision, usual if memory_format == "auto" else memory_format)
    one_format = network.spatial_dims != 2 or usual == "auto"
    formats = ["contiguous", "channels_last"] if memory_format == "auto" and not one_format else [memory_format]
    formats = sorted((usual if name == "auto" else name for name in formats), key=lambda name: name != usual)
    ways = [(precision, layout) for precision in ("fp32", "bf16") for layout in formats]
    batch_size = batch_size if device.type == "cuda" else 1
    with _Stopwatch(device) as watch:
        found = _measure(network, ways, image_size, batch_size, watch, seconds)
        chosen = gather_from_processes(found)[0]
    if process_rank() == 0:
        texts = ", ".join(f"{1e3 * value:.3g} in {name}" for name, value in chosen.measured.items())
        _LOGGER.info(
            f"{chosen.precision} {chosen.memory_format} is fastest here: ms of a forward and backward pass are {texts} "
            f"(measured in {watch():.1f} s)"
        )
    return chosen


def _choice_of(configuration: str | os.PathLike | None) -> Mapping[str, str]:
    if configuration is None or not Path(configuration).is_file():
        return {}
    settings: Mapping[str, Any] = json.loads(Path(configuration).read_text(encoding="utf-8")).get("settings", {})
    return {key: settings[key] for key in ("precision", "memory_format") if key in settings}


def _measure(
    network: Generator, ways: list[Way], image_size: int, batch_size: int, watch: _Stopwatch, seconds: float
) -> Execution:
    """Measure the ways at growing sizes and take the fastest, but the first one unless that gains something."""
    plain, device = ways[0], watch.device
    smallest = 2 * max(getattr(part, "size_multiple", 1) for part in network.modules())  # norms need several values
    least = max(_LEAST_SIZE, smallest)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        copies = {}
        for layout in dict.fromkeys(layout for _, layout in ways):
            copies[layout] = to_device(copy.deepcopy(network), device, layout).train()

        def images(size: int) -> torch.Tensor:
            return torch.rand((batch_size, network.in_channels, *(size,) * network.spatial_dims), device=device) * 2 - 1

        size = min(max(_PROBE_SIZE, smallest), image_size)
        measured = _named(_emulated(copies, [way for way in ways if way[1] == plain[1]], images(size), watch), size)
        ways = [way for way in ways if f"{way[0]} {plain[1]} {size}" not in measured]
        plain = ways[0]

        size = min(max(_FIRST_SIZE, least), image_size)
        a_pass = _seconds_of_a_pass(copies[plain[1]], plain[0], images(size), watch)
        while size // 2 >= least and (1 + _LEAST_ROUNDS) * len(ways) * a_pass > _PATIENCE * seconds:
            size, a_pass = size // 2, a_pass / 2**network.spatial_dims
        while True:
            times = _measure_at(copies, ways, images(size), watch, (seconds - watch()) / 2)
            measured |= _named(times, size)
            ways = _promising(times, ways)
            grown = min(2 * size, image_size)
            expected = (1 + _LEAST_ROUNDS) * sum(times[way] for way in ways) * (grown / size) ** network.spatial_dims
            if grown == size or len(ways) == 1 or watch() + expected > seconds:
                return Execution(*_best(times, ways), measured)
            size = grown


def _named(times: Mapping[Way, float], size: int) -> dict[str, float]:
    return {f"{' '.join(way)} {size}": round(value, 6) for way, value in times.items()}


def _emulated(
    copies: Mapping[str, nn.Module], ways: list[Way], images: torch.Tensor, watch: _Stopwatch
) -> dict[Way, float]:
    """Ways that take far longer than the best, by the second pass: the first of a process, and of a way, is slow."""
    times: dict[Way, float] = {}
    for way in ways:
        first = _seconds_of_a_pass(copies[way[1]], way[0], images, watch)
        hopeless = first > _SURELY * min(times.values(), default=first)
        times[way] = first if hopeless else _seconds_of_a_pass(copies[way[1]], way[0], images, watch)
    return {way: value for way, value in times.items() if value > _EMULATED * min(times.values())}


def _promising(times: Mapping[Way, float], ways: list[Way]) -> list[Way]:
    """Ways that may be the best at a larger size: of each precision one format, or of one precision both."""
    least = min(times.values())
    ways = [way for way in ways if times[way] <= _HOPELESS * least]
    precisions = dict.fromkeys(precision for precision, _ in ways)
    if len(precisions) == 1:
        return ways
    return [_best(times, [way for way in ways if way[0] == precision]) for precision in precisions]


def _best(times: Mapping[Way, float], ways: list[Way]) -> Way:
    """The fastest way; but what stands further ahead, unless the other one gains something."""
    best = ways[0]
    for way in ways[1:]:
        gain = _FORMAT_GAIN if way[0] == best[0] else _PRECISION_GAIN
        if times[way] < gain * times[best]:
            best = way
    return best


def _measure_at(
    copies: Mapping[str, nn.Module], ways: list[Way], images: torch.Tensor, watch: _Stopwatch, seconds: float
) -> dict[Way, float]:
    """The least of several times, taken in turn, after one that warms up; the more, the quicker they are."""
    times: dict[Way, list[float]] = {way: [] for way in ways}
    start, rounds = watch(), 0
    while rounds < 1 + _LEAST_ROUNDS or (
        rounds < 1 + _MOST_ROUNDS and (watch() - start) * (rounds + 1) < seconds * rounds
    ):
        for way in ways:
            times[way].append(_seconds_of_a_pass(copies[way[1]], way[0], images, watch))
        rounds += 1
    return {way: min(values[1:]) for way, values in times.items()}


def _seconds_of_a_pass(network: nn.Module, precision: str, images: torch.Tensor, watch: _Stopwatch) -> float:
    start = watch()
    with torch.enable_grad():
        with autocast_for(precision, images.device):
            crop = {"thumbnail": images} if isinstance(network, NativeGenerator) else {}
            image, logits = network(images, **crop)
            loss = image.float().square().mean() + logits.float().square().mean()
        loss.backward()
    network.zero_grad(set_to_none=True)
    return watch() - start


class _Stopwatch:
    """Seconds since a ``with`` block began; on the CPU of one thread's processor time, which no other user disturbs."""

    def __init__(self, device: torch.device) -> None:
        self.device, self._threads, self._start = device, torch.get_num_threads(), 0.0

    def __enter__(self) -> _Stopwatch:
        if self.device.type == "cpu":
            torch.set_num_threads(1)
        self._start = self._now()
        return self

    def __exit__(self, *exception: object) -> None:
        torch.set_num_threads(self._threads)

    def __call__(self) -> float:
        return self._now() - self._start

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.thread_time() if self.device.type == "cpu" else time.perf_counter()

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

from monai_r2c.networks import R2CGenerator, WrappedGenerator, set_memory_format, usual_memory_format
from monai_r2c.utils.processes import gather_from_processes, process_rank

from .precision import autocast_for

_LOGGER = logging.getLogger("monai_r2c.training")

Way = tuple[str, str]
Generator = R2CGenerator | WrappedGenerator

_SECONDS = 1.0
_SMALLEST = 64
_REPEATS = 3
_GAIN = 0.95  # of the time of the plainest way, from which on another one is taken
_HOPELESS = 1.3  # times the best: not measured at the next size


@dataclass(frozen=True)
class Execution:
    """In which precision and memory format networks run.

    Attributes:
        precision: ``fp32``, ``bf16`` or ``fp16``.
        memory_format: ``contiguous`` or ``channels_last``.
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
    behind is not measured at the next size. The plainest way, fp32 in the usual format, stays unless another one takes
    5 % less time. Nothing random is touched. With several processes all measure at once, and what the first one found
    holds for all.

    Args:
        network: an `R2CGenerator` or a `WrappedGenerator`; it is not changed.
        image_size: length of the sides of training images.
        device: where it will train.
        precision: ``auto``, or the one to take; with one that is named nothing is measured, so that the choice can be
            repeated anywhere.
        memory_format: ``auto``, ``contiguous`` or ``channels_last``; the rule for ``auto`` with a named precision is
            `usual_memory_format`.
        batch_size: of training; the CPU measures single images.
        resumed: the ``configuration.json`` of the run that goes on, whose choice stands for ``auto``; None, or one that
            does not exist, chooses anew.
        seconds: about how long measuring may take.

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
    volumes = network.spatial_dims != 2
    formats = ["contiguous", "channels_last"] if memory_format == "auto" and not volumes else [memory_format]
    formats = sorted((usual if name == "auto" else name for name in formats), key=lambda name: name != usual)
    ways = [(precision, layout) for precision in ("fp32", "bf16") for layout in formats]
    batch_size = batch_size if device.type == "cuda" else 1
    gather_from_processes(None)  # all measure at the same time, as they will train
    start = time.perf_counter()
    chosen = gather_from_processes(_measure(network, ways, image_size, batch_size, device, seconds))[0]
    if process_rank() == 0:
        texts = ", ".join(f"{1e3 * value:.3g} in {name}" for name, value in chosen.measured.items())
        _LOGGER.info(
            f"{chosen.precision} {chosen.memory_format} is fastest here: ms of a forward and backward pass are {texts} "
            f"(measured in {time.perf_counter() - start:.1f} s)"
        )
    return chosen


def _choice_of(configuration: str | os.PathLike | None) -> Mapping[str, str]:
    if configuration is None or not Path(configuration).is_file():
        return {}
    settings: Mapping[str, Any] = json.loads(Path(configuration).read_text(encoding="utf-8")).get("settings", {})
    return {key: settings[key] for key in ("precision", "memory_format") if key in settings}


def _measure(
    network: Generator, ways: list[Way], image_size: int, batch_size: int, device: torch.device, seconds: float
) -> Execution:
    """Measure the ways at growing sizes and take the fastest, but the first one unless that gains something."""
    start, plain, size = time.perf_counter(), ways[0], min(_SMALLEST, image_size)
    measured: dict[str, float] = {}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        copies = {}
        for layout in dict.fromkeys(layout for _, layout in ways):
            copies[layout] = set_memory_format(copy.deepcopy(network).to(device), layout).train()
        while True:
            shape = (batch_size, network.in_channels, *(size,) * network.spatial_dims)
            times = _measure_at(copies, ways, torch.rand(shape, device=device) * 2 - 1)
            measured |= {f"{' '.join(way)} {size}": round(value, 6) for way, value in times.items()}
            best = min(ways, key=lambda way: times[way])
            ways = [way for way in ways if times[way] <= _HOPELESS * times[best]]
            grown = min(2 * size, image_size)
            expected = (1 + _REPEATS) * sum(times[way] for way in ways) * (grown / size) ** network.spatial_dims
            if grown == size or len(ways) == 1 or time.perf_counter() - start + expected > seconds:
                chosen = plain if plain in ways and times[best] > _GAIN * times[plain] else best
                return Execution(*chosen, measured)
            size = grown


def _measure_at(copies: Mapping[str, nn.Module], ways: list[Way], images: torch.Tensor) -> dict[Way, float]:
    """The least of several times, taken in turn, after one that warms up."""
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for _ in range(1 + _REPEATS):
        for way in ways:
            times[way].append(_seconds_of_a_pass(copies[way[1]], way[0], images))
    return {way: min(values[1:]) for way, values in times.items()}


def _seconds_of_a_pass(network: nn.Module, precision: str, images: torch.Tensor) -> float:
    _synchronize(images.device)
    start = time.perf_counter()
    with torch.enable_grad():
        with autocast_for(precision, images.device):
            image, logits = network(images)
            loss = image.float().square().mean() + logits.float().square().mean()
        loss.backward()
    network.zero_grad(set_to_none=True)
    _synchronize(images.device)
    return time.perf_counter() - start


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

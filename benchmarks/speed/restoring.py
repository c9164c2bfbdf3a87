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

"""The restore command beside the network alone, and where its parts wait."""

from __future__ import annotations

import csv
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from click.testing import CliRunner
from loading import write_dicom, write_png

from monai_r2c.apps.restore import restore
from monai_r2c.engines import evaluator, lanes_for
from monai_r2c.handlers import RestorationFlags, restoration_saver
from monai_r2c.inferers import RestorationInferer, working_size
from monai_r2c.networks import R2CGenerator, load_restorer, save_model
from monai_r2c.utils import keep_freed_memory

_SECONDS = 5.0  # for each measurement of the network alone
KINDS = {"png": (write_png, 256), "dicom": (write_dicom, 2000)}


class Timeline:
    """When which stage was at work, of all threads of this process, by the clock and by the processor time they got."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, float, float, float]] = []

    def wrap(self, owner: Any, name: str, stage: str) -> Callable[[], None]:
        original = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            start, processor = time.perf_counter(), time.thread_time()
            try:
                return original(*arguments, **named)
            finally:
                self.spans.append((stage, start, time.perf_counter(), time.thread_time() - processor))

        setattr(owner, name, timed)
        return lambda: setattr(owner, name, original)

    def summary(self, images: int) -> dict[str, dict[str, float]]:
        """Milliseconds an image of each stage: at work by the clock, and of the processor."""
        totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for stage, start, end, processor in self.spans:
            totals[stage][0] += end - start
            totals[stage][1] += processor
        return {
            stage: {"clock_ms": 1e3 * clock / images, "processor_ms": 1e3 * processor / images}
            for stage, (clock, processor) in totals.items()
        }


def measure_restoring(kind: str, images: int, model: str, size: str, precision: str, workers: int) -> dict[str, Any]:
    """Restore so many files with the command and say how its rate compares with that of the network alone.

    Returns:
        Images a second of both by the clock, and their ratio; the processor's milliseconds an image of both, and the
        ratio that follows where all cores are busy with nothing else; what each stage took; and the peak memory. The
        network alone is measured before and after the command.
    """
    write, pixels = KINDS[kind]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "images").mkdir()
        files = [write(folder / "images", index, pixels) for index in range(images)]
        path = model
        if model == "operational":
            torch.manual_seed(0)
            path = str(folder / "model.pt")
            save_model(path, R2CGenerator(2), ("a", "b"), 256)
        network, trained = load_restorer(path)
        at = working_size(size, network, trained.image_size)
        keep_freed_memory()  # as the command does, or the network alone would take fresh pages for every pass
        alone = partial(network_alone, network, at, pixels, trained.channels, precision, min(images, 24))
        measured = [alone()]
        timeline, stages = Timeline(), []
        stages.append(timeline.wrap(evaluator.R2CEvaluator, "_infer", "network and resampling"))
        stages.append(timeline.wrap(RestorationFlags, "_add", "unfamiliarity and NIQE"))
        stages.append(timeline.wrap(restoration_saver.RestorationSaver, "_save_safely", "writing"))
        arguments = [str(folder / "images"), "--model", path, "--output", str(folder / "out"), "--device", "cpu"]
        arguments += ["--size", size, "--precision", precision, "--workers", str(workers), "--max-enlargement", "64"]
        try:
            start, used = time.perf_counter(), processor_seconds()
            result = CliRunner().invoke(restore, arguments)
            seconds, processor = time.perf_counter() - start, processor_seconds() - used
        finally:
            for undo in stages:
                undo()
        measured.append(alone())
        if result.exit_code:
            raise SystemExit(result.output)
        with (folder / "out/predictions.csv").open() as table:
            rows = list(csv.DictReader(table))
        assert len(rows) == len(files)
        first = min(start for _, start, _, _ in timeline.spans)  # what is before is start-up
        last = max(end for _, _, end, _ in timeline.spans)
        shown = timeline.spans[:60]
        rate, network_processor = (
            statistics.mean(one[key] for one in measured) for key in ("images_per_second", "processor_ms")
        )
        reading = time_reading(files[: min(images, 8)])
        return {
            "files": kind,
            "pixels": pixels,
            "images": images,
            "model": model,
            "size": size,
            "precision": precision,
            "threads": torch.get_num_threads(),
            "lanes": lanes_for(at, "cpu"),
            "network_images_per_second": rate,
            "restore_images_per_second": images / (last - first),
            "of_network": images / (last - first) / rate,
            "of_network_by_processor": network_processor * images / (1e3 * processor),
            "network_processor_ms": network_processor,
            "restore_processor_ms": 1e3 * processor / images,
            "start_up_seconds": seconds - (last - first),
            "stages": {"reading": reading, **timeline.summary(images)},
            "timeline": [(stage, round(start - first, 4), round(end - first, 4)) for stage, start, end, _ in shown],
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "said": [line for line in result.output.splitlines() if "gray levels" in line],
        }


def network_alone(
    network: torch.nn.Module, at: int | str, pixels: int, channels: int, precision: str, images: int
) -> dict[str, float]:
    """Rate of the network on images of its working size with all threads, and the processor time of one thread."""
    side = at if isinstance(at, int) else pixels
    image = torch.rand(1, channels, side, side) * 2 - 1
    inferer, threads = RestorationInferer(1, "native"), torch.get_num_threads()

    def passes(count: int, share: int) -> None:
        torch.set_num_threads(share)
        for _ in range(count):
            with torch.no_grad(), evaluator.autocast_for(precision, torch.device("cpu")):
                inferer(image, network)

    passes(2 if isinstance(at, int) else 0, threads)
    start, done = time.perf_counter(), 0
    while done < images and time.perf_counter() - start < _SECONDS:
        passes(1, threads)
        done += 1
    rate = done / (time.perf_counter() - start)
    start, done = time.thread_time(), 0
    while done < images and time.thread_time() - start < _SECONDS:
        passes(1, 1)
        done += 1
    used = time.thread_time() - start
    torch.set_num_threads(threads)
    return {"images_per_second": rate, "processor_ms": 1e3 * used / done}


def time_reading(files: list[str]) -> dict[str, float]:
    """What reading one file takes, alone."""
    from monai_r2c.transforms import LoadRadiograph

    load = LoadRadiograph()
    load(files[0])
    start, used = time.perf_counter(), time.thread_time()
    for file in files:
        load(file)
    clock, processor = time.perf_counter() - start, time.thread_time() - used
    return {"clock_ms": 1e3 * clock / len(files), "processor_ms": 1e3 * processor / len(files)}


def processor_seconds() -> float:
    """Processor time of this process and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

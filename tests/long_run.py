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

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from ignite.engine import Events
from ignite.handlers import EMAHandler
from monai.data import DataLoader, Dataset
from monai.transforms import RandFlipd

from monai_r2c.data import EpochSampler, ImagePool, UnpairedDataset
from monai_r2c.engines import R2CTrainer
from monai_r2c.handlers import BestModel, EpochLog, Preemption, RunCheckpoint, TensorBoardLog
from monai_r2c.networks import R2CDiscriminator, R2CGenerator

CONFIGURATION = {"variant": "operational", "order": 2, "channels": 1, "classes": ["healthy", "ill"]}
STEPS = 3  # in an epoch


def images(count: int, first: int = 0, size: int = 32) -> list[dict[str, Any]]:
    """Items of one domain: random images, their classes by turns."""
    return [
        {
            "image": torch.rand(1, size, size, generator=torch.Generator().manual_seed(first + i)) * 2 - 1,
            "label": i % 2,
            "file": f"{first + i}.png",
        }
        for i in range(count)
    ]


def make_run(output_dir: Path | str, **changes: Any) -> R2CTrainer:
    """A trainer with narrow networks, dropout, moving average and all handlers that write, as the bundle makes it.

    `trainer` holds further arguments of `R2CTrainer`, or gives them for the two optimizers.
    """
    settings: dict[str, Any] = {
        "max_epochs": 4,
        "num_workers": 0,
        "seed": 3,
        "resume": False,
        "decay_epoch": 1,
        "batch_size": 2,
        "keep": 2,
        "dropout": 0.1,
        "pool_size": 3,
        "degradation": None,
    }
    settings |= {"poor": images(6), "good": images(4, first=100), "configuration": CONFIGURATION, "trainer": {}}
    settings |= {"device": "cpu", "wrap": lambda network: network} | changes
    output_dir = Path(output_dir)
    torch.manual_seed(settings["seed"])
    generators = [R2CGenerator(2, order=2, features=4).to(settings["device"]) for _ in range(2)]
    for generator in generators:
        generator.trunk.append(torch.nn.Dropout(settings["dropout"]))
    discriminators = [R2CDiscriminator(2, order=2, features=4).to(settings["device"]) for _ in range(2)]
    optimizers = [
        torch.optim.Adam([p for n in pair for p in n.parameters()], 1e-3) for pair in (generators, discriminators)
    ]
    dataset = UnpairedDataset(
        Dataset(settings["poor"]),
        Dataset(settings["good"]),
        settings["seed"],
        RandFlipd("image", prob=0.5, spatial_axis=1),
        synthetic_degradation=settings["degradation"],
    )
    loader = DataLoader(
        dataset,
        batch_size=settings["batch_size"],
        sampler=EpochSampler(dataset),
        drop_last=True,
        num_workers=settings["num_workers"],
        persistent_workers=settings["num_workers"] > 0,
    )
    average = EMAHandler(generators[0], momentum=0.1)
    log = EpochLog(output_dir / "metrics.csv")
    best = BestModel(output_dir / "model.pt", average.ema_model, settings["configuration"]["classes"], 32)
    checkpoint = RunCheckpoint(
        output_dir / "checkpoints",
        settings["configuration"],
        extra={"ema": average.ema_model, "best_model": best},
        process_extra={"epoch_log": log},
        resume=settings["resume"],
        keep=settings["keep"],
    )
    tensorboard = TensorBoardLog(output_dir / "tensorboard", interval=1)
    generators, discriminators = (
        [settings["wrap"](network) for network in pair] for pair in (generators, discriminators)
    )
    return R2CTrainer(
        device=settings["device"],
        max_epochs=settings["max_epochs"],
        train_data_loader=loader,
        restorer=generators[0],
        degrader=generators[1],
        poor_discriminator=discriminators[0],
        good_discriminator=discriminators[1],
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
        poor_pool=ImagePool(settings["pool_size"], seed=0),
        good_pool=ImagePool(settings["pool_size"], seed=1),
        decay_epoch=settings["decay_epoch"],
        seed=settings["seed"],
        train_handlers=[average, tensorboard, log, best, checkpoint, Preemption(checkpoint)],
        **(settings["trainer"](*optimizers) if callable(settings["trainer"]) else settings["trainer"]),
    )


def run(output_dir: Path | str, **changes: Any) -> R2CTrainer:
    trainer = make_run(output_dir, **changes)
    trainer.run()
    return trainer


def run_killed(output_dir: Path | str, iteration: int, number: int = signal.SIGKILL, **changes: Any) -> int:
    """Train in a process that receives the signal in this iteration; return its exit status."""

    def train() -> None:
        trainer = make_run(output_dir, **changes)
        trainer.add_event_handler(Events.ITERATION_STARTED(once=iteration), lambda: os.kill(os.getpid(), number))
        trainer.run()

    return in_process(train)


def in_process(function: Callable[[], None]) -> int:
    process = multiprocessing.get_context("fork").Process(target=_on_the_cpu, args=(function,))
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
        raise TimeoutError("the process hangs")
    assert process.exitcode is not None
    return process.exitcode


def in_processes(count: int, folder: Path, function: Callable[[int], None]) -> list[int]:
    """Run a function of the rank in processes that are joined over gloo; return their exit statuses."""
    store = folder / f"store{len(list(folder.glob('store*')))}"

    def join(rank: int) -> None:
        torch.set_num_threads(1)
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=count)
        function(rank)
        dist.destroy_process_group()

    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_on_the_cpu, args=(partial(join, rank),)) for rank in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    hanging = [process for process in processes if process.is_alive()]
    for process in hanging:
        process.kill()
    assert not hanging, "a process hangs"
    return [process.exitcode or 0 for process in processes]


def _on_the_cpu(function: Callable[[], None]) -> None:
    """A process that was forked once CUDA was in use cannot use it."""
    torch.cuda.is_available = lambda: False
    function()


def checkpoint(output_dir: Path | str, name: str) -> dict[str, Any]:
    return torch.load(Path(output_dir) / "checkpoints" / name, weights_only=True)


def names(output_dir: Path | str) -> list[str]:
    return sorted(os.listdir(Path(output_dir) / "checkpoints"))


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Where two checkpoints differ in a bit."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return [] if a.dtype == b.dtype and torch.equal(a, b) else [where]
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return [found for key in a for found in differences(a[key], b[key], f"{where}/{key}")]
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b):
        return [found for i, pair in enumerate(zip(a, b)) for found in differences(*pair, f"{where}/{i}")]
    return [] if a == b else [where]

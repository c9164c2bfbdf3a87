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
"""Does the order of operational layers pay at equal parameters? Prints a table and writes every score as JSON.

Two small tasks on MONAI's synthetic images, 48 x 48: restoring them from blur and noise (PSNR), and segmenting their
disks in noise (Dice). One network for both, built as the published generator: a strided layer, one
residual block, a transposed layer. Its width is the largest that keeps the weights within those of order 1. Plain
convolutions (order 1) also run with ReLU, their usual activation, in place of tanh. Each network has the best of three
learning rates by the validation images, found with another seed than those that are reported, on the test images.

    OMP_NUM_THREADS=1 python benchmarks/operational_order.py --output operational_order.json
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
import torch.nn as nn
from monai.data import create_test_image_2d
from monai.losses import DiceLoss
from monai.metrics import PSNRMetric, compute_dice
from monai.networks.layers.simplelayers import SkipConnection
from monai.transforms import GaussianSmooth, RandGaussianNoise
from monai.utils import convert_to_tensor, set_determinism

from monai_r2c.networks import OperationalConvolution

SIZE = 48
KINDS = [(1, "relu"), (1, "tanh"), (2, "tanh"), (3, "tanh"), (5, "tanh")]
BASE_WIDTH = 32  # channels at order 1
LEARNING_RATES = (3e-3, 1e-2, 3e-2)
TUNING_SEED = 100
SPLITS = {"train": range(128), "validation": range(1000, 1032), "test": range(2000, 2064)}

Pairs = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Task:
    make_pair: Callable[[int], tuple[torch.Tensor, torch.Tensor]]
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    score: Callable[[torch.Tensor, torch.Tensor], float]
    unit: str


def restoration_pair(seed: int) -> Pairs:
    rng = np.random.RandomState(seed)
    clean, _ = create_test_image_2d(SIZE, SIZE, num_objs=8, rad_min=2, rad_max=7, random_state=rng)
    image = torch.as_tensor(clean).float()[None]
    poor = GaussianSmooth(sigma=rng.uniform(0.5, 1.5))(image)
    poor = RandGaussianNoise(prob=1.0, std=0.15, sample_std=False).set_random_state(state=rng)(poor)
    return 2 * convert_to_tensor(poor).clamp(0, 1) - 1, 2 * image - 1


def segmentation_pair(seed: int) -> Pairs:
    rng = np.random.RandomState(seed)
    image, mask = create_test_image_2d(
        SIZE, SIZE, num_objs=8, rad_min=2, rad_max=7, noise_max=1.5, num_seg_classes=1, random_state=rng
    )
    noisy = torch.as_tensor(image).float()[None]
    return 2 * (noisy - noisy.min()) / (noisy.max() - noisy.min()) - 1, torch.as_tensor(mask).float()[None]


def psnr(output: torch.Tensor, target: torch.Tensor) -> float:
    metric = PSNRMetric(max_val=2.0)
    return metric(output.tanh(), target).mean().item()


def dice(output: torch.Tensor, target: torch.Tensor) -> float:
    return compute_dice((output > 0).float(), target).nanmean().item()


TASKS = {
    "restoration": Task(
        restoration_pair, lambda output, target: nn.functional.l1_loss(output.tanh(), target), psnr, "PSNR in dB"
    ),
    "segmentation": Task(segmentation_pair, DiceLoss(sigmoid=True), dice, "Dice"),
}


def build(order: int, activation: str, width: int) -> nn.Module:
    block = {"spatial_dims": 2, "order": order, "act": activation}
    residual = SkipConnection(
        nn.Sequential(
            OperationalConvolution(in_channels=width, out_channels=width, **block),
            OperationalConvolution(in_channels=width, out_channels=width, **block),
        ),
        mode="add",
    )
    return nn.Sequential(
        OperationalConvolution(in_channels=1, out_channels=width, strides=2, **block),
        residual,
        nn.Tanh() if activation == "tanh" else nn.ReLU(),
        OperationalConvolution(
            in_channels=width, out_channels=1, strides=2, is_transposed=True, conv_only=True, **block
        ),
    )


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def width_for(order: int) -> int:
    budget = parameters(build(1, "tanh", BASE_WIDTH))
    return max(width for width in range(1, BASE_WIDTH + 1) if parameters(build(order, "tanh", width)) <= budget)


def load(task: Task, split: str) -> Pairs:
    images, targets = zip(*map(task.make_pair, SPLITS[split]), strict=True)
    return torch.stack(images), torch.stack(targets)


def train(task: Task, data: Pairs, network: nn.Module, steps: int, learning_rate: float) -> float:
    """Train in place and return the seconds of processor time per step."""
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    start = time.process_time()
    for _ in range(steps):
        batch = torch.randint(len(data[0]), (8,))
        optimizer.zero_grad()
        task.loss(network(data[0][batch]), data[1][batch]).backward()
        optimizer.step()
        schedule.step()
    return (time.process_time() - start) / steps


@dataclass
class Row:
    task: str
    order: int
    activation: str
    width: int
    parameters: int
    learning_rate: float
    scores: list[float]
    milliseconds_per_step: float

    def text(self) -> str:
        spread = statistics.stdev(self.scores) if len(self.scores) > 1 else math.nan
        return (
            f"| {self.task} | {self.order} | {self.activation} | {self.width} | {self.parameters:,} "
            f"| {self.learning_rate:g} | {statistics.mean(self.scores):.4f} ± {spread:.4f} "
            f"| {self.milliseconds_per_step:.1f} |"
        )


def study(name: str, order: int, activation: str, steps: int, seeds: int) -> Row:
    task, width = TASKS[name], width_for(order)
    data = {split: load(task, split) for split in SPLITS}

    def run(seed: int, learning_rate: float, split: str) -> tuple[float, float]:
        set_determinism(seed)
        network = build(order, activation, width)
        seconds = train(task, data["train"], network, steps, learning_rate)
        with torch.no_grad():
            return task.score(network.eval()(data[split][0]), data[split][1]), seconds

    tuned = {rate: run(TUNING_SEED, rate, "validation")[0] for rate in LEARNING_RATES}
    rate = max(tuned, key=lambda rate: -math.inf if math.isnan(tuned[rate]) else tuned[rate])
    scores, seconds = zip(*(run(seed, rate, "test") for seed in range(seeds)), strict=True)
    count = parameters(build(order, activation, width))
    return Row(name, order, activation, width, count, rate, list(scores), 1000 * statistics.median(seconds))


@click.command()
@click.option("--steps", default=400, show_default=True, help="Optimizer steps of each training.")
@click.option("--seeds", default=5, show_default=True, help="Trainings of each network, with seeds 0, 1 ...")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="JSON file with every score.")
def main(steps: int, seeds: int, output: Path | None) -> None:
    rows = []
    print("| task | order | activation | width | parameters | learning rate | score | ms per step |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    for name in TASKS:
        for order, activation in KINDS:
            rows.append(study(name, order, activation, steps, seeds))
            print(rows[-1].text(), flush=True)
    if output is not None:
        result = {"steps": steps, "torch": torch.__version__, "threads": torch.get_num_threads()}
        result["units"] = {name: task.unit for name, task in TASKS.items()}
        output.write_text(json.dumps({**result, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()

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
"""Operational layers in a segmentation pipeline that has a trained network already.

The existing pipeline trains MONAI's UNet and saves it. One line makes the trained network operational without changing
what it computes; fine-tuning then teaches it the powers. The plain network is trained on for as many steps beside it,
with a quarter of the weights, so the two scores show that the conversion works, not that it pays: for that see
benchmarks/operational_order.py. Run it with ``python pretrained_to_operational.py``; it takes about a minute on a CPU.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import torch
import torch.nn as nn
from monai.data import create_test_image_2d
from monai.losses import DiceLoss
from monai.metrics import compute_dice
from monai.networks.nets import UNet
from monai.utils import set_determinism

from monai_r2c.networks import from_operational, to_operational


def disks(seeds: range) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy images in [-1, 1] and the masks of the disks in them, each ``(count, 1, 64, 64)``."""
    pairs = [
        create_test_image_2d(
            64, 64, num_objs=8, rad_min=3, rad_max=9, noise_max=0.9, num_seg_classes=1, random_state=rng
        )
        for rng in map(np.random.RandomState, seeds)
    ]
    images, masks = (torch.from_numpy(np.stack(arrays)).float().unsqueeze(1) for arrays in zip(*pairs, strict=True))
    return 2 * images - 1, masks


def plain_unet() -> nn.Module:
    return UNet(2, 1, 1, channels=(8, 16, 32), strides=(2, 2), num_res_units=1)


def train(network: nn.Module, steps: int, learning_rate: float) -> None:
    images, masks = disks(range(64))
    order = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    loss_function = DiceLoss(sigmoid=True)
    network.train()
    for _ in range(steps):
        batch = torch.randint(len(images), (8,), generator=order)
        optimizer.zero_grad()
        loss_function(network(images[batch]), masks[batch]).backward()
        optimizer.step()


@torch.no_grad()
def mean_dice(network: nn.Module) -> float:
    images, masks = disks(range(1000, 1032))
    return compute_dice((network.eval()(images) > 0).float(), masks).mean().item()


@click.command()
@click.option("--steps", default=150, show_default=True, help="Optimizer steps of each training.")
def main(steps: int) -> None:
    set_determinism(0)
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "unet.pt"

        # the existing pipeline: any MONAI network and its checkpoint
        network = plain_unet()
        train(network, steps, learning_rate=5e-3)
        torch.save(network.state_dict(), checkpoint)

        # dropping in: load the trained weights as ever, then convert; instance norm and PReLU do not bound what the
        # next layer sees, so a tanh bounds its powers, and the trained convolutions stay beside them as they are
        network = plain_unet()
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        operational = to_operational(network, order=3, bounded="tanh", parallel=True)

    print(f"trained UNet               Dice {mean_dice(network):.4f}")
    print(f"converted, not yet trained Dice {mean_dice(operational):.4f}")
    train(network, steps, learning_rate=1e-3)
    print(f"trained on, plain          Dice {mean_dice(network):.4f}")
    train(operational, steps, learning_rate=1e-3)
    print(f"trained on, operational    Dice {mean_dice(operational):.4f}")

    # where only plain convolutions run: each power is replaced by its best line over the range of the tanh
    print(f"back to plain convolutions Dice {mean_dice(from_operational(operational, input_range=(-1, 1))):.4f}")


if __name__ == "__main__":
    main()

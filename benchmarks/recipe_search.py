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

"""Compares settings of a training on synthetic pairs, at equal processor minutes, on the validation part of `unknown`.

    python -m benchmarks.recipe_search --work WORK --variants whole structure --out benchmarks/recipe_search.json

WORK holds the beds of `benchmarks.restoration`. Each variant is one change of another (`VARIANTS`); one thread,
learning rate 5e-4 falling along a cosine to zero at the last minute, weights averaged by 0.998. Adds one entry a
variant to OUT, with a row at each quarter of the minutes: minutes, steps, and the scores of the weights and of their
average.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.losses import SSIMLoss
from monai.networks.nets import BasicUNet
from torch.optim.swa_utils import AveragedModel

from benchmarks.restoration.beds import Bed
from benchmarks.restoration.scores import detail_snr, psnr, ssim, straight_line
from benchmarks.restoration.settings import Settings, read_settings
from benchmarks.restoration.training import synthetic_pairs, true_pairs

BED = "unknown"
LOOKS = 4
AVERAGE = 0.998
RATE = 5e-4
WARM = 0.03  # part of the minutes in which the rate rises


@dataclass(frozen=True)
class Variant:
    """Settings of one training.

    Args:
        crop, batch: pixels a side of the training images, of 128, and images of a step.
        structure: weight of 1 - SSIM beside the mean absolute difference, both in [-1, 1].
        residual: whether the network's output is added to the image.
        shuffle: side of the blocks whose pixels the network sees as channels.
        features: of the U-Net.
        pairs: a blend of `config.yaml`, or `true`, the bed's own poor images with their originals.
    """

    crop: int = 64
    batch: int = 4
    structure: float = 0.0
    residual: bool = False
    shuffle: int = 1
    features: tuple[int, ...] = (24, 24, 48, 96, 96, 24)
    pairs: str = "wide"


_WHOLE = Variant(crop=128, batch=1)
_WIDER = (32, 48, 96, 160, 160, 32)
VARIANTS = {
    "crops": Variant(),
    "whole": _WHOLE,
    "structure": replace(_WHOLE, structure=0.3),
    "structure, deeper": replace(_WHOLE, structure=0.3, features=(16, 32, 64, 128, 128, 16)),
    "structure, residual": replace(_WHOLE, structure=0.3, residual=True),
    "blocks": replace(_WHOLE, shuffle=2, features=_WIDER),
    "blocks, structure, residual": replace(_WHOLE, shuffle=2, features=_WIDER, structure=0.3, residual=True),
    "structure, true pairs": replace(_WHOLE, structure=0.3, pairs="true"),
}


class Restorer(nn.Module):
    """The U-Net of a variant."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.shuffle, self.residual = variant.shuffle, variant.residual
        channels, norm = variant.shuffle**2, ("instance", {"affine": True})
        self.body = BasicUNet(2, channels, channels, variant.features, "RELU", norm, upsample="nontrainable")

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        output = F.pixel_shuffle(self.body(F.pixel_unshuffle(image, self.shuffle)), self.shuffle)
        return image + output if self.residual else output


def train(variant: Variant, bed: Bed, settings: Settings, seed: int, minutes: float) -> dict[str, Any]:
    """Train a variant; return its settings, parameters and looks."""
    torch.manual_seed(seed)
    network = Restorer(variant)
    averaged = AveragedModel(network, avg_fn=_average)
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
    pairs, structure = _pairs(variant, bed, settings, seed), SSIMLoss(2, data_range=2.0)
    used, step, looks, mark = 0.0, 0, [], time.process_time()
    while used < minutes:
        part = used / minutes
        for group in optimizer.param_groups:
            group["lr"] = max(1e-6, RATE * min(1, part / WARM) * 0.5 * (1 + math.cos(math.pi * part)))
        poor, good = zip(*(pairs(step * variant.batch + number) for number in range(variant.batch)))
        target = 2 * torch.stack(good) - 1
        restored = network(2 * torch.stack(poor) - 1)
        loss = F.l1_loss(restored, target)
        if variant.structure:
            loss = loss + variant.structure * structure(restored + 1, target + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        averaged.update_parameters(network)
        step += 1
        used += (time.process_time() - mark) / 60
        if used >= (len(looks) + 1) * minutes / LOOKS or used >= minutes:
            looks.append([round(used, 2), step, *_look(network, bed), *_look(averaged.module, bed)])
        mark = time.process_time()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return {"settings": asdict(variant), "seed": seed, "parameters": parameters, "looks": looks}


def _average(averaged: torch.Tensor, current: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    return averaged.lerp(current, float(1 - min(AVERAGE, (1 + int(steps)) / (10 + int(steps)))))


def _pairs(variant: Variant, bed: Bed, settings: Settings, seed: int) -> Any:
    if variant.pairs == "true":
        images = bed.select("poor", "poor")
        return true_pairs(bed.read(images), bed.read(images, references=True), variant.crop, seed)
    faults = settings.blend(variant.pairs)["faults"]
    return synthetic_pairs(bed.read(bed.select("good", "good")), faults, variant.crop, seed)


@torch.no_grad()
def _look(network: nn.Module, bed: Bed) -> list[float]:
    """Mean PSNR and SSIM, both again after the straight line of gray values, and the signal to noise of detail."""
    images = bed.select("validation", "poor")
    network.eval()
    rows = []
    for poor, reference in zip(bed.read(images), bed.read(images, references=True)):
        restored = ((network(2 * poor[None] - 1)[0] + 1) / 2).clamp(0, 1)
        line = straight_line(restored, reference)
        scores = psnr(restored, reference), ssim(restored, reference), psnr(line, reference), ssim(line, reference)
        rows.append([*scores, detail_snr(line, reference)])
    network.train()
    return np.mean(rows, axis=0).round(4).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = read_settings()
    bed = Bed(options.work / "beds" / BED, settings)
    for name in options.variants:
        for seed in options.seeds:
            found = json.loads(options.out.read_text()) if options.out.is_file() else []
            entry = {"variant": name, **train(VARIANTS[name], bed, settings, seed, options.minutes)}
            options.out.write_text(json.dumps([*found, entry], indent=1) + "\n")
            print(name, seed, *entry["looks"][-1])


if __name__ == "__main__":
    main()

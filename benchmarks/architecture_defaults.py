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

"""Compares the published architecture with what may measure better, at equal numbers of steps.

    python benchmarks/architecture_defaults.py --datalist runs/cxr.json --size 64 --steps 1500 --out study.json

Good training images of the datalist are split in two halves; one is degraded (`RandPoorQualityd`) and serves as the
poor domain, so that restored images can be compared with their clean originals. Prints one row a setting: mean and
spread over the seeds of PSNR against the original, accuracy, F1 and AUC, the last three of the class head.
A score of the class says nothing about a disease where labels go together with sources.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose, RandSpatialCropd, ScaleIntensityRanged

from monai_r2c.data import UnpairedDataset, cached_dataset, read_datalist
from monai_r2c.engines import R2CTrainer
from monai_r2c.metrics import classification_scores
from monai_r2c.networks import R2CDiscriminator, R2CGenerator
from monai_r2c.transforms import LoadRadiographd, RandPoorQualityd, ResizeShortestd

SETTINGS = {
    "published": {"class_features": "activated", "class_pooling": "max", "higher_order_scale": 1.0},
    "small higher orders": {"class_features": "activated", "class_pooling": "max", "higher_order_scale": 0.1},
    "head before tanh": {"class_features": "preactivation", "class_pooling": "max", "higher_order_scale": 0.1},
    "head before tanh, mean": {"class_features": "preactivation", "class_pooling": "mean", "higher_order_scale": 0.1},
    "head before tanh, mean and max": {
        "class_features": "preactivation",
        "class_pooling": "mean_max",
        "higher_order_scale": 0.1,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datalist", required=True)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    domains = read_images(arguments.datalist, arguments.size)
    results: dict[str, list[dict[str, float]]] = {}
    for seed in range(arguments.seeds):
        for name in arguments.settings:
            start = time.perf_counter()
            scores = run(SETTINGS[name], domains, arguments.size, arguments.steps, seed, arguments.device)
            results.setdefault(name, []).append(scores)
            shown = ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
            print(f"seed {seed}, {name}: {shown} ({time.perf_counter() - start:.0f} s)", flush=True)
    arguments.out.write_text(json.dumps({"arguments": vars(arguments), "results": results}, indent=2, default=str))
    print_table(results)


def read_images(datalist: str, size: int) -> dict[str, list[dict]]:
    """Read good images, resized with their shorter side to `size` (test) or a ninth more (training), in [0, 1]."""
    images = read_datalist(datalist, required=["training/good", "testing/good"])
    read = {
        section: Compose([LoadRadiographd("image"), ResizeShortestd("image", spatial_size)])
        for section, spatial_size in (("training", round(size * 286 / 256)), ("testing", size))
    }
    cached = {s: list(cached_dataset(images.items(s, "good"), transform)) for s, transform in read.items()}
    return {"poor": cached["training"][0::2], "good": cached["training"][1::2], "test": cached["testing"]}


def run(setting: dict, domains: dict, size: int, steps: int, seed: int, device: str) -> dict[str, float]:
    """Train one model and score it on the degraded test images."""
    torch.manual_seed(seed)
    to_network = ScaleIntensityRanged("image", 0.0, 1.0, -1.0, 1.0)
    crop = RandSpatialCropd("image", (size, size), random_size=False)
    dataset = UnpairedDataset(
        domains["poor"],
        domains["good"],
        seed=seed,
        poor_transform=RandPoorQualityd("image", prob=1.0),
        transform=Compose([crop, to_network]),
    )
    generators = [R2CGenerator(2, **setting).to(device) for _ in range(2)]
    scale = setting["higher_order_scale"]
    discriminators = [R2CDiscriminator(2, higher_order_scale=scale).to(device) for _ in range(2)]
    adams = [
        torch.optim.Adam([p for n in networks for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999), eps=1e-7)
        for networks in (generators, discriminators)
    ]
    trainer = R2CTrainer(
        device=device,
        max_epochs=-(-steps // len(dataset)),
        train_data_loader=DataLoader(dataset, batch_size=1, num_workers=2),
        restorer=generators[0],
        degrader=generators[1],
        poor_discriminator=discriminators[0],
        good_discriminator=discriminators[1],
        generator_optimizer=adams[0],
        discriminator_optimizer=adams[1],
    )
    trainer.run()
    return score(generators[0].eval(), domains["test"], device)


@torch.no_grad()
def score(restorer: R2CGenerator, items: list[dict], device: str) -> dict[str, float]:
    """Degrade each clean image with its own fixed seed, restore it, and compare."""
    degrade = RandPoorQualityd("image", prob=1.0)
    probabilities, labels, before, after = [], [], [], []
    for index, item in enumerate(Dataset(items)):
        clean = item["image"].as_tensor()
        poor = degrade.set_random_state(seed=index)({"image": item["image"].clone()})["image"].as_tensor()
        restored, logits = restorer(poor[None].to(device) * 2 - 1)
        probabilities.append(logits.softmax(1).cpu())
        labels.append(item["label"])
        before.append(psnr(poor, clean))
        after.append(psnr((restored[0].cpu() + 1) / 2, clean))
    scores = classification_scores(torch.cat(probabilities), torch.tensor(labels))
    shown = {name: scores[name] for name in ("accuracy", "f1", "auc")}
    return {"psnr_poor": statistics.mean(before), "psnr_restored": statistics.mean(after), **shown}


def psnr(image: torch.Tensor, reference: torch.Tensor) -> float:
    return -10 * torch.log10((image.clamp(0, 1) - reference).square().mean()).item()


def print_table(results: dict[str, list[dict[str, float]]]) -> None:
    names = list(next(iter(results.values()))[0])
    print("| setting | " + " | ".join(names) + " |")
    print("| --- |" + " ---: |" * len(names))
    for setting, runs in results.items():
        cells = []
        for name in names:
            values = [scores[name] for scores in runs]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            cells.append(f"{statistics.mean(values):.3f} ± {spread:.3f}")
        print(f"| {setting} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()

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

"""Compares changes of the unpaired training, alone or beside pairs, at equal processor minutes, on validation.

    python -m benchmarks.unpaired_search --work WORK --variants base r1 --out benchmarks/unpaired_search.json

WORK holds the beds of `benchmarks.restoration`. The base is R2C alone with operational networks of half the published
width that enlarge by resizing, on the bed `unknown`, one thread, and each variant is one change of it. Adds one entry
a variant and seed to OUT, with a row at each quarter of the minutes: scores of the restored validation images, the AUC
of their class, and the share of patches that each discriminator takes for what they are. A training that was ended
goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks.layers import GaussianFilter
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.restoration.beds import Bed
from benchmarks.restoration.classifiers import probabilities
from benchmarks.restoration.results import host
from benchmarks.restoration.scores import GoodLook, score_image
from benchmarks.restoration.settings import Settings, read_settings
from benchmarks.restoration.trained_method import PUBLISHED, restore_with
from benchmarks.restoration.training import BudgetedRun, BundleTraining
from monai_r2c.losses import RestoreToClassifyLoss, UnpairedDiscriminatorLoss
from monai_r2c.losses.restore_to_classify import least_squares
from monai_r2c.metrics import classification_scores
from monai_r2c.networks import build_generator
from monai_r2c.utils import R2CKeys as Keys

BED = "unknown"
LOOKS = 4
SHOWN = ("psnr", "ssim", "line_psnr", "line_ssim", "detail_snr", "detail_energy", "checkerboard")
_HERE = "benchmarks.unpaired_search"
_BASE = {**PUBLISHED, "upsampling": "resize", "variant": "operational", "features": 64, "precision": "fp32"}
# one change each, as overrides of train.yaml
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "slow discriminators": {"discriminator_optimizer::lr": "$@learning_rate / 4"},
    "smooth labels": {"discriminator_loss": {"_target_": f"{_HERE}.SmoothDiscriminatorLoss"}},
    "r1": {"train::trainer::discriminator_penalties": {"r1": {"_target_": "R1Penalty", "weight": 1.0}}},
    "bounded discriminators": {"poor_discriminator::act": "tanh"},
    "spectral norm": {},
    "noise": {"degrader": {"_target_": f"{_HERE}.NoisyDegrader", "settings": "$@network_def.get_settings()"}},
    "weak poor cycle": {"generator_loss": {"_target_": f"{_HERE}.ChangedLoss", "poor_cycle": 0.25}},
    "blurred poor cycle": {"generator_loss": {"_target_": f"{_HERE}.ChangedLoss", "blur": 2.0}},
    "focal": {"generator_loss": {"_target_": f"{_HERE}.ChangedLoss", "focal": 2.0}},
}
for domain in ("poor", "good"):
    loss = {"_target_": f"{_HERE}.ChangedLoss", f"{domain}_identity": 0.25}
    VARIANTS[f"weak {domain} identity"] = {"generator_loss": loss}
VARIANTS["noise, blurred poor cycle"] = {**VARIANTS["noise"], **VARIANTS["blurred poor cycle"]}
VARIANTS["pairs"] = {"synthetic_weight": 10.0, "structure_weight": 3.0}
VARIANTS["pairs, noise"] = {**VARIANTS["pairs"], **VARIANTS["noise"]}


class SmoothDiscriminatorLoss(UnpairedDiscriminatorLoss):
    """Real images against 0.9 instead of 1."""

    def forward(self, real: Mapping[str, torch.Tensor], fake: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        losses = {f"{domain}_real": least_squares(scores, 0.9) for domain, scores in real.items()}
        losses |= {f"{domain}_fake": least_squares(scores, 0.0) for domain, scores in fake.items()}
        return {**losses, "discriminator_loss": torch.stack(list(losses.values())).sum()}


class ChangedLoss(RestoreToClassifyLoss):
    """The published loss with a factor on a term of a domain, poor images blurred for the cycle, or a focal class."""

    def __init__(
        self,
        poor_cycle: float = 1.0,
        poor_identity: float = 1.0,
        good_identity: float = 1.0,
        blur: float = 0.0,
        focal: float = 0.0,
    ) -> None:
        super().__init__()
        self.factors = {"cycle_poor": poor_cycle, "identity_poor": poor_identity, "identity_good": good_identity}
        self.focal = focal
        self.blur = GaussianFilter(2, blur) if blur else nn.Identity()

    def _with_total(self, losses: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        total = super()._with_total(losses)["generator_loss"]
        less = [self.weights[name.split("_")[0]] * (1 - f) * losses[name] for name, f in self.factors.items()]
        return {**losses, "generator_loss": total - sum(less)}

    def _class_term(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        entropy = F.cross_entropy(logits, labels, reduction="none")
        return ((1 - (-entropy).exp()) ** self.focal * entropy).mean()

    def forward(self, images: Mapping[str, torch.Tensor], *others: Any) -> dict[str, torch.Tensor]:
        blurred = {name: self.blur(images[name]) for name in (Keys.POOR, Keys.CYCLED_POOR)}
        # identity_poor compares with the poor image as it is
        losses = super().forward(images, *others)
        cycle = F.l1_loss(blurred[Keys.CYCLED_POOR], blurred[Keys.POOR])
        change = self.weights["cycle"] * self.factors["cycle_poor"] * (cycle - losses["cycle_poor"])
        return {**losses, "cycle_poor": cycle, "generator_loss": losses["generator_loss"] + change}


class NoisyDegrader(nn.Module):
    """A degrader that sees a channel of normal noise beside its image, new at every pass."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.generator = build_generator({**settings, "in_channels": settings["in_channels"] + 1})

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        degraded, logits = self.generator(torch.cat([image, torch.randn_like(image[:, :1])], 1))
        return degraded[:, : image.shape[1]], logits


def start(variant: str, bed: Bed, settings: Settings, seed: int, folder: Path) -> BundleTraining:
    """A training of the variant, at step 0."""
    bed.write_datalist(folder / "datalist.json")
    own = {
        "datalist": str(folder / "datalist.json"),
        "output_dir": str(folder),
        "image_size": settings.crop,
        "load_size": settings.size,
        "max_epochs": 1_000_000,
        "decay_epoch": 1_000_000,
        "device": "cpu",
        "seed": seed,
    }
    training = BundleTraining(("train.yaml",), {**own, **_BASE, **VARIANTS[variant]})
    if variant == "spectral norm":
        trainer = training.trainer
        for module in [*trainer.poor_discriminator.modules(), *trainer.good_discriminator.modules()]:
            if isinstance(getattr(module, "weight", None), nn.Parameter) and module.weight.dim() == 4:
                spectral_norm(module)
        own_parameters = [*trainer.poor_discriminator.parameters(), *trainer.good_discriminator.parameters()]
        trainer.discriminator_optimizer.param_groups[0]["params"] = own_parameters
    return training


class Look:
    """Scores of the restorer and the discriminators of a training on the validation images."""

    def __init__(self, training: BundleTraining, bed: Bed) -> None:
        self.trainer, images = training.trainer, bed.select("validation", "poor")
        self.poor, self.references = bed.read(images), bed.read(images, references=True)
        self.labels = torch.tensor([image.label for image in images])
        self.good = GoodLook.of(bed.read(bed.select("good", "good")))

    @torch.no_grad()
    def __call__(self, restorer: nn.Module) -> dict[str, float]:
        restored = [restore_with(restorer, image) for image in self.poor]
        rows = [score_image(image, reference, self.good) for image, reference in zip(restored, self.references)]
        scores = {name: float(np.mean([row[name] for row in rows])) for name in SHOWN}
        scores["auc"] = classification_scores(probabilities(restorer, self.poor), self.labels)["auc"]
        degraded = [restore_with(self.trainer.degrader.eval(), image) for image in self.references]
        self.trainer.degrader.train()
        judged = {"good": (self.references, restored), "poor": (self.poor, degraded)}
        for domain, (real, fake) in judged.items():
            judge = getattr(self.trainer, f"{domain}_discriminator")
            told = [_share_above(judge, real), 1 - _share_above(judge, fake)]
            scores[f"{domain}_told"] = float(np.mean(told))
        return {name: round(value, 4) for name, value in scores.items()}


def _share_above(judge: nn.Module, images: Any) -> float:
    return float(np.mean([float((judge(2 * image[None] - 1) > 0.5).float().mean()) for image in images]))


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
    for seed in options.seeds:
        for name in options.variants:
            found = json.loads(options.out.read_text()) if options.out.is_file() else []
            if any((entry["variant"], entry["seed"]) == (name, seed) for entry in found):
                continue
            folder = options.work / "unpaired_search" / f"{name.replace(' ', '_')}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            training = start(name, bed, settings, seed, folder)
            every = options.minutes / LOOKS
            path = folder / "checkpoint.pt"
            run = BudgetedRun(training, options.minutes, path, Look(training, bed), None, look_every=every)
            run.run()
            entry = {"variant": name, "seed": seed, "host": host(), **run.progress}
            options.out.write_text(json.dumps([*found, entry], indent=1) + "\n")


if __name__ == "__main__":
    main()

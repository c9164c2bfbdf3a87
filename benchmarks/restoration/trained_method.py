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

import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn

from .method import Learned, Lesson
from .scores import SCORES, GoodLook, detail_snr, psnr, score_image, ssim, straight_line
from .training import BudgetedRun, BundleTraining, PairsTraining, Training, image_of, synthetic_pairs, true_pairs


@dataclass(frozen=True)
class TrainedMethod:
    """A network that is trained for the bed's minutes; its weights are those of the best look at the validation.

    The checkpoint stays, so that a training of few minutes can go on to more.

    Args:
        title, kind, uses_poor, uses_references: see `Method`.
        start: makes the training, at step 0.
        settings: what the results say of it.
    """

    title: str
    kind: str
    start: Callable[[Lesson], Training]
    uses_poor: bool
    uses_references: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    random: bool = True

    def learn(self, lesson: Lesson) -> Learned:
        torch.manual_seed(lesson.seed)
        training = self.start(lesson)
        learned = lesson.folder / f"learned_{lesson.minutes:g}.pt"
        if not learned.is_file():
            self._train(training, lesson, learned)
        contents = torch.load(learned, weights_only=True, map_location="cpu")
        network = training.restorer.eval()
        network.load_state_dict(contents["weights"])
        return Learned(lambda image: restore_with(network, image), contents["facts"], network)

    def _train(self, training: Training, lesson: Lesson, learned: Path) -> None:
        run = BudgetedRun(
            training,
            lesson.minutes,
            lesson.folder / "checkpoint.pt",
            look_at_validation(lesson),
            lesson.key,
            lesson.key is not None and SCORES[lesson.key][1],
            lesson.settings.look,
            tell=lesson.tell,
        )
        weights = run.run()
        facts = {
            "settings": {**self.settings, "crop": lesson.settings.crop, "batch_size": lesson.settings.batch},
            "parameters": sum(parameter.numel() for parameter in training.restorer.parameters()),
            **run.progress,
            "kept_from_minute": run.best["minutes"],
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        partial = learned.with_suffix(".partial")
        torch.save({"weights": weights, "facts": facts}, partial)
        partial.replace(learned)


def look_at_validation(lesson: Lesson) -> Callable[[nn.Module], dict[str, float]]:
    """Mean scores of a network on a few validation images, evenly spaced."""
    bed, settings = lesson.bed, lesson.settings
    images = bed.select("validation", "poor")
    images = images[:: -(-len(images) // settings.look_images)]
    poor = bed.read(images)
    if bed.has_references:
        references = bed.read(images, references=True)
        return lambda network: _mean(_curve_scores(restore_with(network, p), r) for p, r in zip(poor, references))
    look = GoodLook.of(bed.read(bed.select("good", "good")))
    return lambda network: _mean(score_image(restore_with(network, p), None, look) for p in poor)


@torch.no_grad()
def restore_with(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """Restore ``(1, rows, columns)`` in [0, 1]; a network of three channels gets the image thrice and is averaged."""
    channels, device = getattr(network, "in_channels", 1), next(network.parameters()).device
    restored = image_of(network((2 * image[None].to(device) - 1).expand(-1, channels, -1, -1)))
    return ((restored[0].mean(0, keepdim=True) + 1) / 2).clamp(0, 1).cpu()


def pairs_method(
    title: str, blend: str, network: Callable[[], nn.Module], learning_rate: float = 5e-4
) -> TrainedMethod:
    """A network trained on good images that a blend of `config.yaml` degrades, without poor images."""

    def start(lesson: Lesson) -> PairsTraining:
        good = lesson.bed.read(lesson.bed.select("good", "good"))
        faults = lesson.settings.blend(blend)["faults"]
        pairs = synthetic_pairs(good, faults, lesson.settings.crop, lesson.seed)
        return PairsTraining(network().to(lesson.settings.device), pairs, learning_rate, lesson.settings.batch)

    settings = {"pairs": blend, "learning_rate": learning_rate, "loss": "mean absolute difference"}
    return TrainedMethod(title, "pairs", start, uses_poor=False, settings=settings)


def true_pairs_method(title: str, network: Callable[[], nn.Module], learning_rate: float = 5e-4) -> TrainedMethod:
    """A network trained on the bed's own poor images and their originals, which nobody has: a bound."""

    def start(lesson: Lesson) -> PairsTraining:
        images = lesson.bed.select("poor", "poor")
        poor, references = lesson.bed.read(images), lesson.bed.read(images, references=True)
        pairs = true_pairs(poor, references, lesson.settings.crop, lesson.seed)
        return PairsTraining(network().to(lesson.settings.device), pairs, learning_rate, lesson.settings.batch)

    settings = {"pairs": "true", "learning_rate": learning_rate, "loss": "mean absolute difference"}
    return TrainedMethod(title, "bound", start, uses_poor=True, uses_references=True, settings=settings)


# the losses and up-sampling of the published recipe, from which a method of the bundle says where it departs
PUBLISHED = {"upsampling": "transposed", "synthetic_weight": 0.0, "structure_weight": 0.0, "warm_start_epochs": 0}


def bundle_method(
    title: str, configs: tuple[str, ...] = ("train.yaml",), uses_poor: bool = True, **knobs: Any
) -> TrainedMethod:
    """What the bundle trains with these settings beside the benchmark's own, from unpaired images or from good ones."""
    shared = {"precision": "fp32", **PUBLISHED, **knobs}

    def start(lesson: Lesson) -> BundleTraining:
        datalist = lesson.folder / "datalist.json"
        lesson.bed.write_datalist(datalist)
        own = {
            "datalist": str(datalist),
            "output_dir": str(lesson.folder),
            "image_size": lesson.settings.crop,
            "load_size": lesson.settings.size,
            "batch_size": lesson.settings.batch,
            "max_epochs": 1_000_000,  # the minutes end it
            "decay_epoch": 1_000_000,
            "device": lesson.settings.device,
            "seed": lesson.seed,
        }
        return BundleTraining(configs, {**own, **shared})

    kind = "unpaired" if uses_poor else "pairs"
    return TrainedMethod(title, kind, start, uses_poor=uses_poor, settings={"configs": list(configs), **shared})


def _curve_scores(image: torch.Tensor, reference: torch.Tensor) -> dict[str, float]:
    detail = detail_snr(straight_line(image, reference), reference)
    return {"psnr": psnr(image, reference), "ssim": ssim(image, reference), "detail_snr": detail}


def _mean(scores: Any) -> dict[str, float]:
    rows = list(scores)
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}

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

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from monai_r2c.metrics import bootstrap_intervals, classification_scores

from .beds import Bed, BedImage
from .classifiers import CLASSIFIERS, ClassifierTraining, probabilities
from .indicators import indicator_probabilities
from .markdown import text_of
from .method import Learned, Lesson, bed_to_learn_from, find_method
from .results import CLASSES, RESULTS, SHORTER, commit, host, write_json
from .settings import Settings
from .training import BudgetedRun

HEAD = "head_of_"
SHOWN = {"auc": "AUC", "f1": "F1", "sensitivity": "sensitivity", "specificity": "specificity"}


@dataclass(frozen=True)
class ClassJob:
    """A classifier on a bed's images in a state: ``poor``, ``good``, or restored by a method (its name)."""

    bed: str
    classifier: str
    images: str
    seed: int = 0

    @property
    def name(self) -> str:
        return f"{self.bed}-{self.classifier}-{self.images}-{self.seed}"


def class_jobs(settings: Settings) -> Iterator[ClassJob]:
    """All of them; those that need no training first."""
    beds = settings.classification["beds"]
    states = {bed: ["poor", *stated["restored_by"], "good"] for bed, stated in beds.items()}
    for bed, stated in beds.items():
        yield from (ClassJob(bed, "indicators", state) for state in states[bed])
        yield from (ClassJob(bed, f"{HEAD}{method}", "poor") for method in stated["heads_of"])
    for bed in beds:
        yield from (ClassJob(bed, classifier, state) for state in states[bed] for classifier in CLASSIFIERS)


def run_class_job(job: ClassJob, work: Path, settings: Settings) -> dict[str, Any]:
    """Train a classifier on a bed's training images in one state, and give its probabilities for the test images.

    All states share the good domain; the poor domain comes poor, restored or as its originals, and validation and test
    images in the same state.
    """
    torch.set_num_threads(1)
    bed = Bed(work / "beds" / job.bed, settings)
    groups = {group: bed.select(group, "poor") for group in ("poor", "validation", "test")}
    good = bed.select("good", "good")
    facts: dict[str, Any] = {"minutes": 0.0}
    name = job.classifier.removeprefix(HEAD) if job.classifier.startswith(HEAD) else job.images
    learned = None if name in ("poor", "good") else _learn(name, job, work, settings)
    if learned is not None and job.classifier.startswith(HEAD):
        assert learned.network is not None
        test = probabilities(learned.network, bed.read(groups["test"]))
    else:
        images = {group: _in_state(bed, found, job, learned) for group, found in groups.items()}
        train = torch.cat([images["poor"], bed.read(good)])
        labels = [image.label for image in (*groups["poor"], *good)]
        if job.classifier == "indicators":
            test = indicator_probabilities(train, labels, images["test"])
        else:
            validation = (images["validation"], torch.tensor([image.label for image in groups["validation"]]))
            test, facts = _train(job, train, labels, validation, images["test"], work, settings)
    return {
        "classifier": job.classifier,
        "state": job.images,
        "seed": job.seed,
        "bed": bed.name,
        "images": bed.digest,
        "commit": commit(),
        "host": host(),
        **facts,
        "restorer_minutes": 0.0 if learned is None else learned.facts["minutes"],
        "files": [Path(image.file).stem for image in groups["test"]],
        "patients": [image.patient for image in groups["test"]],
        "labels": [image.label for image in groups["test"]],
        "probabilities": test[:, 1].tolist(),
    }


def run_class_jobs(
    work: Path, results: Path, settings: Settings, classifiers: Sequence[str] = (), beds: Sequence[str] = ()
) -> None:
    """Run what has no result yet; `classifiers` and `beds` choose some."""
    for job in class_jobs(settings):
        path = results / CLASSES / f"{job.name}.json"
        chosen = (not classifiers or job.classifier in classifiers) and (not beds or job.bed in beds)
        if chosen and not path.is_file():
            print(job.name, flush=True)
            write_json(path, run_class_job(job, work, settings))


def read_class_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All of them, those of restorers that were trained for fewer minutes, too."""
    paths = [*sorted(folder.glob(f"{CLASSES}/*.json")), *sorted(folder.glob(f"{SHORTER}*/{CLASSES}/*.json"))]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def classification_section(results: Sequence[Mapping[str, Any]]) -> str:
    """The page's section on the class."""
    if not results:
        return ""
    lines = [text_of("classification")]
    for bed in dict.fromkeys(result["bed"] for result in results):
        lines += ["", text_of(f"classification_{bed}"), ""]
        lines.append("| classifier | images | minutes | of the restorer | " + " | ".join(SHOWN.values()) + " |")
        lines.append("| --- | --- | ---: | ---: |" + " ---: |" * len(SHOWN))
        there = [result for result in results if result["bed"] == bed]
        for result in sorted(there, key=lambda result: (result["state"], result["classifier"])):
            cells = [_classifier_name(result["classifier"]), _state_name(result["state"])]
            cells += [f"{result['minutes']:.1f}", f"{result['restorer_minutes']:.1f}"]
            cells += [_shown(*interval) for interval in _intervals(result)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown_auc(results: Sequence[Mapping[str, Any]], bed: str, classifier: str, state: str) -> str:
    """The AUC with its interval of a classifier on images in a state, as the section shows it; "" if there is none."""
    for result in results:
        if (result["bed"], result["classifier"], result["state"]) == (bed, classifier, state):
            return _shown(*_intervals(result)[list(SHOWN).index("auc")])
    return ""


def _shown(mean: float, low: float, high: float) -> str:
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def _intervals(result: Mapping[str, Any]) -> list[tuple[float, float, float]]:
    positive = torch.tensor(result["probabilities"], dtype=torch.float64)
    both, labels = torch.stack([1 - positive, positive], 1), torch.tensor(result["labels"])
    numbers = {patient: number for number, patient in enumerate(sorted(set(result["patients"])))}

    def scores(indices: np.ndarray) -> dict[str, float]:
        found = classification_scores(both[indices], labels[indices])
        return {name: found[name] for name in SHOWN}

    intervals = bootstrap_intervals(scores, [numbers[patient] for patient in result["patients"]], resamples=400)
    means = scores(np.arange(len(labels)))
    return [(means[name], *intervals[name]) for name in SHOWN]


def _classifier_name(name: str) -> str:
    return f"head of {find_method(name.removeprefix(HEAD)).title}" if name.startswith(HEAD) else name


def _state_name(state: str) -> str:
    return state if state in ("poor", "good") else f"restored by {find_method(state).title}"


def _learn(name: str, job: ClassJob, work: Path, settings: Settings) -> Learned:
    method = find_method(name)
    source = bed_to_learn_from(method, job.bed, settings)
    folder = work / "learned" / source / f"{name}-{job.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    return method.learn(Lesson(Bed(work / "beds" / source, settings), settings, job.seed, folder, print))


def _in_state(bed: Bed, images: Sequence[BedImage], job: ClassJob, learned: Learned | None) -> torch.Tensor:
    read = bed.read(images, references=job.images == "good")
    return read if learned is None else torch.stack([learned.restore(image) for image in read])


def _train(
    job: ClassJob,
    train: torch.Tensor,
    labels: Sequence[int],
    validation: tuple[torch.Tensor, torch.Tensor],
    test: torch.Tensor,
    work: Path,
    settings: Settings,
) -> tuple[torch.Tensor, dict[str, Any]]:
    torch.manual_seed(job.seed)
    network = CLASSIFIERS[job.classifier]().to(settings.device)

    def look(network: Any) -> dict[str, float]:
        return {"auc": classification_scores(probabilities(network, validation[0]), validation[1])["auc"]}

    stated = settings.classification
    training = ClassifierTraining(network, train, labels, job.seed)
    path = work / "learned" / CLASSES / f"{job.name}.pt"
    run = BudgetedRun(training, stated["minutes"], path, look, "auc", look_every=stated["look"])
    network.load_state_dict(run.run())
    facts = {"parameters": sum(parameter.numel() for parameter in network.parameters()), **run.progress}
    return probabilities(network, test), facts

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

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from monai_r2c.metrics import frechet_distance, kernel_distance

from .beds import Bed, BedImage
from .images import write_image
from .judge import Judge, load_judge
from .method import Learned, Lesson, bed_to_learn_from, find_method
from .results import commit, host
from .scores import GoodLook, score_image
from .settings import Settings


def run_job(name: str, bed_name: str, seed: int, work: Path, settings: Settings) -> dict[str, Any]:
    """Let a method learn, if it has not yet, and score it on a bed's validation and test images.

    Args:
        name: of the method.
        bed_name: of the bed it is scored on.
        seed: of the method.
        work: folder with the beds, and for what is learned and restored.
        settings: of the benchmark.

    Returns:
        The result, as `write_result` takes it.
    """
    torch.set_num_threads(1)
    method = find_method(name)
    source = bed_to_learn_from(method, bed_name, settings)
    beds = {needed: Bed(work / "beds" / needed, settings) for needed in {bed_name, source, next(iter(settings.beds))}}
    bed = beds[bed_name]
    judge = load_judge(work / "judge.pt", beds[next(iter(settings.beds))])

    folder = work / "learned" / source / f"{name}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)

    def tell(line: str) -> None:
        print(f"{bed_name}/{name}/{seed}: {line}", flush=True)

    learned = method.learn(Lesson(beds[source], settings, seed, folder, tell))
    look = GoodLook.of(beds[source].read(beds[source].select("good", "good")))
    validation = _score(learned, bed, bed.select("validation", "poor"), look, judge)
    test = bed.select("test", "poor")
    scored = _score(learned, bed, test, look, judge)
    for image, restored in zip(test, scored["restored"]):
        write_image(work / "restored" / bed_name / f"{name}-{seed}" / Path(image.file).name, restored)
    good = judge.features(beds[source].read(beds[source].select("good", "good")))
    features = judge.features(scored["restored"])
    return {
        "bed": bed_name,
        "method": name,
        "seed": seed,
        "title": method.title,
        "kind": method.kind,
        "learned_on": source,
        "images": bed.digest,
        "commit": commit(),
        "host": {**host(), "device": settings.device},
        "budget": settings.bed(source)["minutes"] if "curve" in learned.facts else 0,
        **learned.facts,
        "milliseconds": scored["milliseconds"],
        "judge_auc": judge.auc,
        "distances": {"frechet": frechet_distance(features, good), "kernel": kernel_distance(features, good)},
        "validation": {key: statistics.fmean(values) for key, values in validation["scores"].items()},
        "files": [Path(image.file).stem for image in test],
        "patients": [image.patient for image in test],
        "kinds": [image.kind for image in test],
        "scores": scored["scores"],
    }


def _score(learned: Learned, bed: Bed, images: Sequence[BedImage], look: GoodLook, judge: Judge) -> dict[str, Any]:
    poor = bed.read(images)
    references = bed.read(images, references=True) if bed.has_references else None
    restored, seconds = [], []
    for image in poor:
        start = time.process_time()
        restored.append(learned.restore(image))
        seconds.append(time.process_time() - start)
    stacked = torch.stack(restored)
    rows = [
        score_image(image, None if references is None else references[number], look)
        for number, image in enumerate(stacked)
    ]
    scores = {name: [row[name] for row in rows] for name in rows[0]}
    kept = judge.classes(stacked) == judge.classes(poor if references is None else references)
    scores["class_preserved"] = [float(same) for same in kept]
    return {"restored": stacked, "scores": scores, "milliseconds": 1000 * statistics.median(seconds)}

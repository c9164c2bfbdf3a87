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

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from monai_r2c.metrics import frechet_distance, kernel_distance

from .beds import Bed
from .images import read_image
from .judge import load_judge
from .results import read_results
from .settings import Settings


def judged_again(bed_name: str, work: Path, results: Path, settings: Settings) -> Iterator[dict[str, Any]]:
    """Give each result of a bed that another judge scored with the judge's scores of today.

    Only those whose restored images the work folder still holds, and that were made from this bed's images.
    """
    bed, first = (Bed(work / "beds" / name, settings) for name in (bed_name, next(iter(settings.beds))))
    judge = load_judge(work / "judge.pt", first)
    test = bed.select("test", "poor")
    right = judge.classes(bed.read(test, references=bed.has_references))
    for result in read_results(results, bed_name):
        folder = work / "restored" / bed_name / f"{result['method']}-{result['seed']}"
        there = "error" not in result and result["images"] == bed.digest and folder.is_dir()
        if not there or abs(result["judge_auc"] - judge.auc) < 1e-4:
            continue
        restored = torch.stack([read_image(folder / Path(image.file).name) for image in test])
        source = Bed(work / "beds" / result["learned_on"], settings)
        good, features = judge.features(source.read(source.select("good", "good"))), judge.features(restored)
        kept = [float(same) for same in judge.classes(restored) == right]
        yield {
            **result,
            "judge_auc": judge.auc,
            "distances": {"frechet": frechet_distance(features, good), "kernel": kernel_distance(features, good)},
            "validation": {name: value for name, value in result["validation"].items() if name != "class_preserved"},
            "scores": {**result["scores"], "class_preserved": kept},
        }

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

"""How many minutes on a GPU reach on validation what a method reaches in its minutes on one thread of a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from monai_r2c.utils import InputError

from .beds import Bed
from .method import Lesson, find_method
from .results import commit, host, read_results
from .settings import Settings
from .trained_method import TrainedMethod, bundle_method

ON_GPU = "on_gpu"  # folder of its results
_KNOBS = ("batch_size", "num_workers", "precision")


def measure_on_gpu(
    name: str, seed: int, bed_name: str, work: Path, results: Path, settings: Settings, **knobs: Any
) -> dict[str, Any]:
    """Train a method of the bundle on ``settings.device`` and compare its validation with the CPU's.

    Args:
        name: of the method, whose results on the bed are there.
        seed: of the training.
        bed_name: of the bed it learns from and is validated on.
        work: folder of the beds, and for what is learned.
        results: folder of the CPU's results.
        settings: with the minutes of the clock and the device.
        knobs: settings of the bundle in place of the method's: how it runs, not what it learns.

    Returns:
        The curve over the minutes, and when it had reached the CPU's best mean score.
    """
    method = find_method(name)
    if not isinstance(method, TrainedMethod) or "configs" not in method.settings:
        raise InputError(f"method: {name} is not trained by the bundle.")
    device = torch.device(settings.device)
    there = [result for result in read_results(results, bed_name) if result["method"] == name and "curve" in result]
    if not there:
        raise InputError(f"{results / bed_name}: holds no results of {name}, whose score is to be reached.")
    score = sum(max(look["ssim"] for look in result["curve"]) for result in there) / len(there)
    stated = dict(method.settings)
    configs = tuple(stated.pop("configs"))
    adapted = bundle_method(method.title, configs, method.uses_poor, **{**stated, **knobs})
    told = "-".join(str(knobs[key]) for key in _KNOBS if key in knobs)
    folder = work / "learned" / ON_GPU / f"{name}-{seed}-{told}"
    folder.mkdir(parents=True, exist_ok=True)
    learned = adapted.learn(Lesson(Bed(work / "beds" / bed_name, settings), settings, seed, folder, print))
    facts = learned.facts
    return {
        "method": name,
        "title": method.title,
        "bed": bed_name,
        "seed": seed,
        **knobs,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else host()["processor"],
        "commit": commit(),
        "steps": facts["steps"],
        "minutes": facts["minutes"],
        "minutes_cpu": sum(result["minutes"] for result in there) / len(there),
        "steps_cpu": sum(result["steps"] for result in there) / len(there),
        "ssim_cpu": score,
        "reached_after": next((look["minutes"] for look in facts["curve"] if look["ssim"] >= score), None),
        "curve": facts["curve"],
    }

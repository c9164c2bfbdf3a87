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

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from ignite.engine import Engine
from monai.handlers.utils import from_engine

from monai_r2c.handlers import ScoresHandler
from monai_r2c.metrics import (
    ClassificationMetric,
    ClassPreservationMetric,
    CycleErrorMetric,
    FeatureDistanceMetric,
    GroupedMetric,
    NIQEMetric,
    QualityMetric,
    ReferenceMetric,
    StructuralChangeMetric,
    fit_niqe,
)

_IMAGES = 7  # uneven on purpose: one rank has four, the other three


class _Darker(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return image - 0.2, torch.zeros(len(image), 2)


def _items() -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    return [
        {
            "image": torch.rand(1, 32, 32, generator=generator),
            "restored": torch.rand(1, 32, 32, generator=generator),
            "probabilities": torch.rand(2, generator=generator).softmax(0),
            "label": torch.tensor(index % 2),
            "patient": f"patient {index // 2}",
        }
        for index in range(_IMAGES)
    ]


def _scores(rank: int, ranks: int) -> dict[str, list[float]]:
    items = _items()
    model = fit_niqe([item["image"] for item in items], patch=16)
    good_structure = StructuralChangeMetric(resamples=0)
    good_features = FeatureDistanceMetric(lambda images: images.flatten(1)[:, :6].double())
    good: list[tuple[GroupedMetric, Any]] = [
        (good_structure, ["image", "restored"]),
        (good_features, "restored"),
    ]
    metrics: list[tuple[GroupedMetric, Any]] = [
        (ClassificationMetric(resamples=50), ["probabilities", "label"]),
        (ClassPreservationMetric(resamples=50), ["probabilities", "probabilities"]),
        (CycleErrorMetric(_Darker(), resamples=50), ["restored", "image"]),
        (ReferenceMetric(resamples=50), ["restored", "image"]),
        (QualityMetric(resamples=50), "image"),
        (NIQEMetric(model, resamples=50), "image"),
        (StructuralChangeMetric(good_structure, resamples=50), ["restored", "image"]),
        (FeatureDistanceMetric(good_features.features, good_features), "image"),
    ]
    result: dict[str, list[float]] = {}
    for attached in (good, metrics):
        engine = Engine(lambda _engine, batch: batch)
        for metric, keys in attached:
            ScoresHandler(metric, from_engine(keys)).attach(engine, f"all of {type(metric).__name__}")
        engine.run([items[index : index + 2] for index in range(0, _IMAGES, 2)][rank::ranks])
        for name, score in engine.state.metrics.items():
            if isinstance(score, float):
                result[name] = [float(score), score.low, score.high]
    return result


def _run(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    torch.save(_scores(rank, 2), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_every_metric_over_two_processes_equals_that_of_one(tmp_path: Path) -> None:
    mp.spawn(_run, args=(str(tmp_path),), nprocs=2)
    one = _scores(0, 1)
    # with no reason to be undefined but the size of the images
    assert [name for name, (value, *_) in one.items() if value != value] == ["ms_ssim"]
    for rank in range(2):
        two = torch.load(tmp_path / f"{rank}.pt")
        assert two.keys() == one.keys()
        for name, values in one.items():
            assert two[name] == pytest.approx(values, rel=1e-5, abs=1e-6, nan_ok=True), name

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

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

pytest.importorskip("skimage", reason="the benchmark needs the extra: pip install monai_r2c[benchmark]")

from benchmarks.restoration.beds import Bed, make_bed
from benchmarks.restoration.radiographs import Radiograph, hash_of
from benchmarks.restoration.settings import Settings, read_settings

SIDE = 48


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The benchmark's own settings on small images and for a moment of training."""
    minutes = {name: {**bed, "minutes": 0.01} for name, bed in read_settings().beds.items()}
    return read_settings(size=SIDE, crop=16, batch=2, look=0.005, look_images=2, beds=minutes)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 smooth images of 12 patients."""
    folder = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for number in range(24):
        smooth = gaussian_filter(generator.random((64, 64)), 3)
        scaled = (smooth - smooth.min()) / np.ptp(smooth)
        Image.fromarray(np.round(255 * scaled).astype(np.uint8)).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture(scope="session")
def radiographs(data: Path) -> list[Radiograph]:
    """Their list: two images a patient, one good and one poor; the last three patients are the split `test`."""
    return [
        Radiograph(
            file=path.name,
            label=("no-finding", "pneumonia")[number // 2 % 2],
            patient=f"p{number // 2}",
            split="test" if number >= 18 else "train",
            quality=("good", "poor")[number % 2],
            matched="0",
            source=f"collection: {path.name}",
            licence="open",
            url="",
            pixels=hash_of(np.asarray(Image.open(path))),
        )
        for number, path in enumerate(sorted(data.glob("*.png")))
    ]


@pytest.fixture(scope="session")
def work(
    tmp_path_factory: pytest.TempPathFactory, data: Path, radiographs: list[Radiograph], settings: Settings
) -> Path:
    """A work folder with all beds; tests do not change it."""
    folder = tmp_path_factory.mktemp("work")
    for name in (name for name in settings.beds if settings.task_of(name) == "pneumonia"):
        make_bed(name, data, folder / "beds" / name, radiographs, settings)
    return folder


@pytest.fixture
def bed(work: Path, settings: Settings) -> Bed:
    return Bed(work / "beds/unknown", settings)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(1, SIDE, SIDE)

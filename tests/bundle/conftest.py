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
from PIL import Image

BUNDLE = Path(__file__).parents[2] / "bundles/chest_xray_restore_classify"
CLASSES = ("non-covid", "covid")


@pytest.fixture(scope="session")
def configs() -> Path:
    return BUNDLE / "configs"


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen small images in the published folder layout; class 1 has a bright square, poor images are noisy."""
    root = tmp_path_factory.mktemp("radiographs")
    generator = np.random.default_rng(0)
    rows = ["file,label"]
    for folder, count in (("trainA", 4), ("trainB", 3), ("valA", 2), ("valB", 2), ("testA", 3), ("testB", 2)):
        (root / folder).mkdir()
        for index in range(count):
            image = np.full((24, 20), 90.0)
            label = index % 2
            if label:
                image[6:14, 5:12] = 200
            if folder.endswith("A"):
                image += generator.normal(0, 25, image.shape)
            image[0, 0] = 0
            image[0, 1] = len(rows)  # no two images are the same
            Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(root / folder / f"{index}.png")
            rows.append(f"{folder}/{index}.png,{CLASSES[label]}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root

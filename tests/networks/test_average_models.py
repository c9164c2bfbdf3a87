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

import pytest
import torch

from monai_r2c.networks import R2CGenerator, average_models, load_restorer, save_model
from monai_r2c.utils import InputError


def saved(path: Path, seed: int, classes: tuple[str, ...] = ("a", "b"), **changes) -> Path:
    torch.manual_seed(seed)
    network = R2CGenerator(**{"spatial_dims": 2, "in_channels": 1, "features": 4, **changes})
    save_model(path, network, classes, 32)
    return path


def test_every_weight_is_the_mean_of_those_of_the_files(tmp_path: Path):
    files = [saved(tmp_path / f"{seed}.pt", seed) for seed in range(3)]
    average_models(files, tmp_path / "mean.pt")
    parts = [load_restorer(file)[0].state_dict() for file in files]
    mean, settings = load_restorer(tmp_path / "mean.pt")
    for name, value in mean.state_dict().items():
        torch.testing.assert_close(value, (parts[0][name] + parts[1][name] + parts[2][name]) / 3)
    assert (settings.classes, settings.image_size) == (("a", "b"), 32)


def test_what_differs_in_more_than_weights_is_refused(tmp_path: Path):
    first = saved(tmp_path / "first.pt", 0)
    wider = saved(tmp_path / "wider.pt", 0, features=8)
    other = saved(tmp_path / "other.pt", 0, classes=("a", "c"))
    for second, what in ((wider, "generator"), (other, "classes")):
        with pytest.raises(InputError, match=f"{second.name}: has another {what} than .*first.pt"):
            average_models([first, second], tmp_path / "mean.pt")
    with pytest.raises(InputError, match="1 model files are given"):
        average_models([first], tmp_path / "mean.pt")
    assert not (tmp_path / "mean.pt").exists()

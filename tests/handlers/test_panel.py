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
from ignite.engine import Engine
from PIL import Image

from monai_r2c.handlers import RestorationPanel
from monai_r2c.handlers.drawings import PanelImage, draw_panel
from monai_r2c.handlers.panel import choose_by_turns
from monai_r2c.utils import InputError


class Inverter(torch.nn.Module):
    """Inverts the image and is sure of class 1."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return -image, torch.tensor([[0.0, 10.0]]).expand(len(image), 2)


def _items(*labels: int, value: float = -1.0) -> list[dict]:
    return [{"image": torch.full((1, 32, 32), value), "label": label} for label in labels]


def _panel(directory: Path, **kwargs: object) -> RestorationPanel:
    poor, good = _items(0, 1), _items(1, 0)
    return RestorationPanel(Inverter(), Inverter(), poor, good, ["no", "yes"], directory, **kwargs)


def test_panel_shows_every_image_where_its_title_says(tmp_path: Path) -> None:
    drawn = _panel(tmp_path).draw(tmp_path / "panel.png")[0].numpy()
    with Image.open(tmp_path / "panel.png") as image:
        assert np.array_equal(np.asarray(image), drawn)
    columns = np.linspace(0, drawn.shape[1], 7)[:-1] + drawn.shape[1] / 12
    middle = [drawn[drawn.shape[0] // 4, int(column)] for column in columns]
    assert middle == [0, 255, 0, 0, 255, 0]  # black input, inverted, inverted back


def test_panel_comes_every_interval_and_after_the_last_epoch(tmp_path: Path) -> None:
    engine = Engine(lambda *_: None)
    _panel(tmp_path, interval=2).attach(engine)
    engine.run([0], max_epochs=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_0002.png", "epoch_0004.png", "epoch_0005.png"]


def test_classes_take_turns_and_no_image_is_read_to_learn_its_label() -> None:
    class Counting(torch.utils.data.Dataset):
        data = _items(0, 0, 0, 1, 0, 1)
        read = 0

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, index: int) -> dict:
            self.read += 1
            return self.data[index]

    dataset = Counting()
    assert [item["label"] for item in choose_by_turns(dataset, 5)] == [0, 1, 0, 1, 0]
    assert dataset.read == 5


def test_empty_domain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the good domain holds no image"):
        RestorationPanel(Inverter(), Inverter(), _items(0), [], ["no", "yes"], tmp_path)


def test_small_images_are_enlarged_by_a_whole_factor_without_blending() -> None:
    checker = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    drawn = draw_panel([""], [[PanelImage(checker)]], min_width=100)
    assert set(np.unique(drawn)) == {0, 255}
    assert (drawn == 0).sum() == 2 * 50 * 50


def test_values_outside_the_range_are_clipped() -> None:
    drawn = draw_panel([""], [[PanelImage(torch.tensor([[-3.0, 7.0]]))]], min_width=2)
    assert (drawn == 0).sum() == 1

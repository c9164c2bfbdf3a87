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

import pytest
import torch

from monai_r2c.handlers.drawings import draw_difference, draw_structure


def test_brighter_is_orange_darker_blue_and_equal_black() -> None:
    image = torch.full((1, 4), 0.5)
    colours = draw_difference(image + torch.tensor([[0.25, -0.25, 0.0, 0.4]]), image)[0]
    assert colours[0].tolist() == pytest.approx([1.0, 0.55, 0.1])
    assert colours[1].tolist() == pytest.approx([0.2, 0.6, 1.0])
    assert colours[2].tolist() == [0, 0, 0]
    assert colours[3].tolist() == colours[0].tolist()


def test_structure_runs_from_black_to_yellow() -> None:
    colours = draw_structure(torch.tensor([[0.0, 0.25, 0.5, 1.0]]))[0]
    assert colours[0].tolist() == [0, 0, 0]
    assert colours[2].tolist() == colours[3].tolist() == pytest.approx([1.0, 0.95, 0.6])
    assert colours.sum(1).diff().ge(0).all()

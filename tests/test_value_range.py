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

import torch
from monai.data import MetaTensor
from monai.transforms import ScaleIntensityRanged

from monai_r2c.utils.value_range import to_network_range, to_unit_range


def test_images_become_what_monai_makes_of_them_to_the_bit() -> None:
    torch.manual_seed(0)
    image, restored = MetaTensor(torch.rand(1, 30, 20), meta={"kind": "png"}), torch.randn(1, 30, 20)
    ranged = ScaleIntensityRanged("image", 0.0, 1.0, -1.0, 1.0)({"image": image.clone()})["image"]
    assert torch.equal(to_network_range({"image": image})["image"], ranged)
    item = {"image": image, "restored": restored.clone(), "file": "a.png"}
    found = to_unit_range(item)
    expected = ScaleIntensityRanged(["image", "restored"], -1.0, 1.0, 0.0, 1.0, clip=True)(item)
    assert all(torch.equal(found[key], expected[key]) for key in ("image", "restored"))
    assert found["file"] == "a.png"
    assert found["image"].meta["kind"] == "png"


def test_what_others_may_have_is_left_alone() -> None:
    item = {"image": torch.full((1, 2, 2), -1.0), "restored": torch.full((1, 2, 2), 3.0)}
    found = to_unit_range(item)
    assert (found["image"].max(), found["restored"].min()) == (0.0, 1.0)
    assert (item["image"].max(), item["restored"].min()) == (-1.0, 3.0)

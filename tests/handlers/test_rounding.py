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
from monai.data import DataLoader
from monai.transforms import ScaleIntensityRanged

from monai_r2c.engines import R2CEvaluator
from monai_r2c.handlers import RoundingError
from monai_r2c.inferers import RestorationInferer
from monai_r2c.networks import R2CGenerator


def rounding(precision: str, **arguments: int) -> RoundingError:
    torch.manual_seed(0)
    network, inferer = R2CGenerator(2, features=8).eval(), RestorationInferer()
    items = [{"image": torch.rand(1, 16, 16) * 2 - 1, "file": f"{n}.png"} for n in range(5)]
    handler = RoundingError(network, inferer, **arguments)
    to_unit = ScaleIntensityRanged(["image", "restored"], -1.0, 1.0, 0.0, 1.0, clip=True)
    loader = DataLoader(items, batch_size=1)
    R2CEvaluator("cpu", loader, network, inferer, precision, postprocessing=to_unit, val_handlers=[handler]).run()
    return handler


def test_bf16_is_told_in_gray_levels_of_the_first_images() -> None:
    handler = rounding("bf16")
    assert len(handler.differences) == 3
    # outputs up to 1 in bf16 have steps of 2 ** -8, which is half a gray level
    assert all(0.01 < mean < 2 and mean < most < 20 for mean, most in handler.differences)
    assert "of 255 gray levels on average" in handler.describe()
    assert handler.describe().endswith("in the first 3 of the images.")


def test_after_enough_pixels_no_further_image_is_restored_again() -> None:
    assert len(rounding("bf16", pixels=257).differences) == 2
    handler = rounding("bf16", pixels=256)
    assert len(handler.differences) == 1
    assert handler.describe().endswith("in the first image.")


def test_float32_itself_differs_by_nothing() -> None:
    assert max(most for _, most in rounding("fp32").differences) < 1e-3

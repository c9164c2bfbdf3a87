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

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage
from PIL import Image

from monai_r2c.transforms import (
    LoadRadiograph,
    RandContrastLoss,
    RandContrastLossd,
    RandQuantumNoise,
    RandQuantumNoised,
    RandRadiographBlurd,
    RandResampling,
    RandResamplingd,
    ResizeShortest,
)
from monai_r2c.utils import InputError


def spaced(image: torch.Tensor, step: float = 0.5) -> MetaTensor:
    return MetaTensor(image, affine=torch.diag(torch.tensor([step, step, 1.0, 1.0], dtype=torch.float64)))


def film() -> torch.Tensor:
    return torch.rand(1, 32, 40, generator=torch.Generator().manual_seed(0))


# the same severity in mm, where a pixel is 0.5 mm, and in pixels or sides
IN_MM = [
    (RandContrastLoss, RandContrastLossd, {"scatter_fraction": 0.5}, {"spread": 8.0}, {"spread": 0.5}),
    (RandQuantumNoise, RandQuantumNoised, {}, {"photons": 800.0}, {"photons": 200.0}),
    (RandResampling, RandResamplingd, {}, {"factor": 1.0}, {"factor": 2.0}),
]


@pytest.mark.parametrize(("kind", "twin", "common", "in_mm", "in_pixels"), IN_MM)
def test_millimetres_are_pixels_of_the_image_s_spacing(
    kind: type, twin: type, common: dict[str, Any], in_mm: dict[str, Any], in_pixels: dict[str, Any]
) -> None:
    expected = kind(prob=1.0, **common, **in_pixels).set_random_state(0)(film())
    found = kind(prob=1.0, unit="mm", **common, **in_mm).set_random_state(0)(spaced(film()))
    torch.testing.assert_close(found.as_tensor(), expected)
    of_twin = twin("image", prob=1.0, unit="mm", **common, **in_mm).set_random_state(0)({"image": spaced(film())})
    torch.testing.assert_close(of_twin["image"], found)
    with pytest.raises(InputError, match=f"{kind.__name__}: unit must be '(pixel|side)' or 'mm', got 'cm'"):
        kind(unit="cm")


def test_a_coarser_image_of_the_same_film_has_less_blur_in_pixels() -> None:
    image = spaced(torch.nn.functional.interpolate(film()[None], (64, 80))[0], 0.25)
    smaller = ResizeShortest(32)(image)
    (blur,) = [RandRadiographBlurd("image", focal_sigma=1.0, motion=0.0, unit="mm", prob=1.0)]
    in_pixels = RandRadiographBlurd("image", focal_sigma=2.0, motion=0.0, prob=1.0)
    blurred, expected = (blur({"image": smaller}), in_pixels({"image": smaller}))
    torch.testing.assert_close(blurred["image"], expected["image"])


@pytest.mark.parametrize(("kind", "twin", "common", "in_mm", "in_pixels"), IN_MM)
def test_millimetres_of_a_file_without_spacing_are_refused_and_of_a_stated_one_are_not(
    tmp_path: Any, kind: type, twin: type, common: dict[str, Any], in_mm: dict[str, Any], in_pixels: dict[str, Any]
) -> None:
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(tmp_path / "a.png")
    degrade = twin("image", prob=1.0, unit="mm", **common, **in_mm)
    with pytest.raises(InputError, match=f"{kind.__name__}: unit 'mm' needs an image whose spacing is known"):
        degrade({"image": LoadRadiograph()(tmp_path / "a.png")})
    assert degrade({"image": LoadRadiograph(spacing=0.5)(tmp_path / "a.png")})["image"].shape == (1, 20, 20)


def test_millimetres_of_what_monai_makes_of_a_file_without_spacing_are_refused(tmp_path: Any) -> None:
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(tmp_path / "a.png")
    read = LoadImage(ensure_channel_first=True, reader="PILReader")(tmp_path / "a.png") / 255
    degrade = RandResampling(prob=1.0, unit="mm", factor=2.0)
    for image in (read, MetaTensor(film())):
        with pytest.raises(InputError, match=r"(?s)needs an image whose spacing is known; .* affine of a MetaTensor"):
            degrade(image)
    read.affine = torch.diag(torch.tensor([0.5, 0.5, 1.0, 1.0], dtype=torch.float64))
    assert degrade(read).shape == (1, 20, 20)


def test_one_millimetre_is_known_where_it_is_stated() -> None:
    image = MetaTensor(film(), meta={"spacing_source": "stated"})
    found = RandResampling(prob=1.0, unit="mm", factor=2.0).set_random_state(0)(image)
    torch.testing.assert_close(found.as_tensor(), RandResampling(prob=1.0, factor=2.0).set_random_state(0)(film()))

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

import copy
import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose

from monai_r2c.transforms import (
    RandCollimation,
    RandCollimationd,
    RandCompression,
    RandCompressiond,
    RandContrastLoss,
    RandContrastLossd,
    RandExposure,
    RandExposured,
    RandLetters,
    RandLettersd,
    RandLocalContrast,
    RandLocalContrastd,
    RandPoorQuality,
    RandPoorQualityd,
    RandQuantumNoise,
    RandQuantumNoised,
    RandRadiographBlur,
    RandRadiographBlurd,
    RandResampling,
    RandResamplingd,
    RandToneCurve,
    RandToneCurved,
    RandWidePoorQuality,
    RandWidePoorQualityd,
    RandWindowClipping,
    RandWindowClippingd,
)
from monai_r2c.utils import InputError

TWINS = {
    RandCollimation: RandCollimationd,
    RandCompression: RandCompressiond,
    RandContrastLoss: RandContrastLossd,
    RandExposure: RandExposured,
    RandLetters: RandLettersd,
    RandLocalContrast: RandLocalContrastd,
    RandPoorQuality: RandPoorQualityd,
    RandQuantumNoise: RandQuantumNoised,
    RandRadiographBlur: RandRadiographBlurd,
    RandResampling: RandResamplingd,
    RandToneCurve: RandToneCurved,
    RandWidePoorQuality: RandWidePoorQualityd,
    RandWindowClipping: RandWindowClippingd,
}
_NO_FAULT = {"focal_sigma": 0, "motion": 0, "scatter_fraction": 0, "stops": 0, "photons": math.inf}
# compression has no neutral severity: even the best JPEG has 256 gray levels
NONE = {
    RandCollimation: {"margin": 0.0},
    RandContrastLoss: {"scatter_fraction": 0.0},
    RandExposure: {"stops": 0.0},
    RandLetters: {"count": 0},
    RandLocalContrast: {"factor": 1.0},
    RandPoorQuality: _NO_FAULT,
    RandQuantumNoise: {"photons": math.inf},
    RandRadiographBlur: {"focal_sigma": 0.0, "motion": 0.0},
    RandResampling: {"factor": 1.0},
    RandToneCurve: {"gamma": 1.0},
    RandWidePoorQuality: {**_NO_FAULT, "gamma": 1, "quality": None},
    RandWindowClipping: {"cut": 0.0},
}
every_degradation = pytest.mark.parametrize("degradation", TWINS, ids=lambda c: c.__name__)


def radiograph(*shape: int) -> torch.Tensor:
    return torch.rand(shape or (1, 32, 24), generator=torch.Generator().manual_seed(1))


@every_degradation
def test_zero_prob_changes_nothing(degradation):
    image = radiograph()
    assert torch.equal(degradation(prob=0.0)(image), image)


@pytest.mark.parametrize("degradation", NONE, ids=lambda c: c.__name__)
def test_zero_severity_changes_nothing(degradation):
    image = radiograph()
    assert torch.equal(degradation(prob=1.0, **NONE[degradation])(image), image)


@every_degradation
def test_default_severity_changes_the_image(degradation):
    image = radiograph()
    assert not torch.allclose(degradation(prob=1.0).set_random_state(0)(image), image, atol=1e-3)


@every_degradation
@pytest.mark.parametrize("shape", [(1, 40), (2, 33, 20), (1, 12, 9, 10)])
def test_any_spatial_dims_keep_shape_and_range(degradation, shape):
    degrade = degradation(prob=1.0).set_random_state(0)
    for _ in range(5):
        degraded = degrade(radiograph(*shape))
        assert degraded.shape == shape
        assert degraded.min() >= 0
        assert degraded.max() <= 1


@every_degradation
def test_same_random_state_same_images(degradation):
    first, second = (degradation(prob=0.5).set_random_state(7) for _ in range(2))
    for _ in range(6):
        assert torch.equal(first(radiograph()), second(radiograph()))


@every_degradation
def test_severity_differs_from_image_to_image(degradation):
    degrade = degradation(prob=1.0).set_random_state(0)
    assert not torch.equal(degrade(radiograph()), degrade(radiograph()))


@every_degradation
def test_without_randomize_the_last_draw_is_repeated(degradation):
    degrade = degradation(prob=1.0).set_random_state(0)
    assert torch.equal(degrade(radiograph()), degrade(radiograph(), randomize=False))


@every_degradation
def test_copies_continue_alike(degradation):
    degrade = degradation(prob=1.0).set_random_state(0)
    degrade(radiograph())
    twin = copy.deepcopy(degrade)
    assert torch.equal(degrade(radiograph()), twin(radiograph()))


@every_degradation
def test_seeding_a_compose_seeds_the_degradation(degradation):
    images = [Compose([degradation(prob=1.0)]).set_random_state(3)(radiograph()) for _ in range(2)]
    assert torch.equal(*images)


@every_degradation
def test_meta_data_is_kept(degradation):
    affine = torch.diag(torch.tensor([0.2, 0.3, 1.0, 1.0], dtype=torch.float64))
    image = MetaTensor(radiograph(), affine=affine, meta={"filename_or_obj": "a.dcm"})
    degraded = degradation(prob=1.0).set_random_state(0)(image)
    assert isinstance(degraded, MetaTensor)
    assert degraded.meta["filename_or_obj"] == "a.dcm"
    assert torch.equal(degraded.affine, affine)


@every_degradation
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_floating_type_is_kept(degradation, dtype):
    assert degradation(prob=1.0)(radiograph().to(dtype)).dtype == dtype


@every_degradation
def test_arrays_come_back_as_tensors(degradation):
    array = degradation(prob=1.0).set_random_state(0)(radiograph().numpy())
    assert torch.equal(array, degradation(prob=1.0).set_random_state(0)(radiograph()))


@every_degradation
def test_channels_that_are_copies_stay_copies(degradation):
    degraded = degradation(prob=1.0).set_random_state(0)(radiograph().expand(3, -1, -1))
    assert torch.equal(degraded[0], degraded[1])
    assert torch.equal(degraded[0], degraded[2])


@every_degradation
def test_input_is_left_alone(degradation):
    image = radiograph()
    degradation(prob=1.0)(image)
    assert torch.equal(image, radiograph())


@every_degradation
@pytest.mark.parametrize("image", [torch.full((1, 4, 4), 1.5), torch.full((1, 4, 4), -1.0), torch.full((1, 4), np.nan)])
def test_gray_outside_zero_to_one_is_refused(degradation, image):
    with pytest.raises(InputError, match=rf"{degradation.__name__}: gray values must be in \[0, 1\]"):
        degradation(prob=1.0)(image)


@every_degradation
def test_another_value_range_gives_the_same_image_scaled(degradation):
    # in eighths, which both ranges hold exactly
    image = (8 * radiograph()).round() / 8
    unit = degradation(prob=1.0).set_random_state(0)(image)
    signed = degradation(prob=1.0, value_range=(-1, 1)).set_random_state(0)(2 * image - 1)
    torch.testing.assert_close(signed, 2 * unit - 1)


@pytest.mark.parametrize("degradation", NONE, ids=lambda c: c.__name__)
def test_rounding_errors_of_interpolation_are_clipped(degradation):
    image = torch.tensor([[-1e-6, 0.5, 1 + 1e-6]])
    assert torch.equal(degradation(prob=1.0, **NONE[degradation])(image), torch.tensor([[0.0, 0.5, 1.0]]))


@every_degradation
def test_image_without_spatial_dims_is_refused(degradation):
    with pytest.raises(InputError, match="1 to 3 spatial dims"):
        degradation(prob=1.0)(torch.zeros(4))


@every_degradation
@pytest.mark.parametrize(
    "wrong", [{"prob": 1.5}, {"prob": -0.1}, {"latitude": 0.0}, {"latitude": math.inf}, {"value_range": (1, 0)}]
)
def test_wrong_common_argument_is_refused(degradation, wrong):
    with pytest.raises(InputError, match=f"{degradation.__name__}: {next(iter(wrong))} must be"):
        degradation(**wrong)


@pytest.mark.parametrize(
    ("degradation", "wrong"),
    [
        (RandContrastLoss, {"scatter_fraction": (0.5, 1.0)}),
        (RandContrastLoss, {"spread": 0.0}),
        (RandExposure, {"stops": (1.0, -1.0)}),
        (RandExposure, {"stops": "dark"}),
        (RandQuantumNoise, {"photons": 0}),
        (RandQuantumNoise, {"photons": (10, math.inf)}),
        (RandQuantumNoise, {"photons": (1, 2, 3)}),
        (RandRadiographBlur, {"focal_sigma": -1.0}),
        (RandRadiographBlur, {"motion": math.nan}),
        (RandRadiographBlur, {"unit": "inch"}),
        (RandRadiographBlur, {"focal_profile": "square"}),
        (RandPoorQuality, {"fault_prob": 2.0}),
        (RandPoorQuality, {"tone_fault_prob": 2.0}),
        (RandPoorQuality, {"compression_prob": -1.0}),
        (RandToneCurve, {"gamma": 0.0}),
        (RandWindowClipping, {"cut": 0.5}),
        (RandCompression, {"quality": 101}),
        (RandResampling, {"factor": 0.5}),
        (RandResampling, {"enlargement": "nearest"}),
        (RandResampling, {"enlargement": ["sinc"]}),
        (RandCollimation, {"margin": 0.6}),
        (RandCollimation, {"side_prob": 2.0}),
        (RandLetters, {"words": "AP"}),
        (RandLetters, {"count": -1}),
        (RandLetters, {"border_prob": 1.5}),
        (RandLocalContrast, {"factor": 0.0}),
        (RandLocalContrast, {"spread": (0.1, 0.02)}),
    ],
)
def test_wrong_severity_is_refused(degradation, wrong):
    with pytest.raises(InputError, match=f"{degradation.__name__}: {next(iter(wrong))} must"):
        degradation(**wrong)


@every_degradation
def test_twins_of_one_seed_give_the_same_images(degradation):
    array, dictionary = degradation(prob=0.5), TWINS[degradation](keys="image", prob=0.5)
    array.set_random_state(5)
    dictionary.set_random_state(5)
    for _ in range(6):
        assert torch.equal(array(radiograph()), dictionary({"image": radiograph()})["image"])


@every_degradation
def test_every_key_gets_the_same_draw(degradation):
    degraded = TWINS[degradation](keys=["a", "b"], prob=1.0)({"a": radiograph(), "b": radiograph(), "label": 1})
    assert torch.equal(degraded["a"], degraded["b"])
    assert degraded["label"] == 1


def test_missing_key_is_refused_unless_allowed():
    with pytest.raises(KeyError):
        RandExposured(keys="image", prob=1.0)({"label": 1})
    assert RandExposured(keys="image", prob=1.0, allow_missing_keys=True)({"label": 1}) == {"label": 1}


@every_degradation
def test_whole_numbers_become_float32_whether_degraded_or_not(degradation):
    image = (255 * radiograph()).to(torch.uint8)
    for values in (image, image.numpy(), MetaTensor(image)):
        for prob in (0.0, 1.0):
            assert degradation(prob=prob, value_range=(0, 255))(values).dtype == torch.float32
    assert torch.equal(degradation(prob=0.0, value_range=(0, 255))(image), image.float())

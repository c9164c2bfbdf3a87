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
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.inferers import SimpleInferer

from monai_r2c.inferers import RestorationInferer, with_tone_of, working_size
from monai_r2c.utils import InputError


def halve(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A restorer whose image is half its input, and whose logits are its input's size and maximum."""
    return image / 2, torch.stack([torch.tensor([*x.shape[1:], x.max()]) for x in image])


def test_each_pass_goes_over_the_output_of_the_last() -> None:
    inputs = torch.full((2, 1, 6, 6), 0.8)
    passes = RestorationInferer(passes=3).all_passes(inputs, halve)
    assert [float(image.mean()) for image, _ in passes] == pytest.approx([0.4, 0.2, 0.1])
    assert [float(logits[0, 2]) for _, logits in passes] == pytest.approx([0.8, 0.4, 0.2])


def test_a_call_gives_the_last_image_and_the_logits_of_the_input() -> None:
    restored, logits = RestorationInferer(passes=3)(torch.full((2, 1, 6, 6), 0.8), halve)
    assert float(restored.mean()) == pytest.approx(0.1)
    assert float(logits[0, 2]) == pytest.approx(0.8)


def test_a_network_of_one_tensor_gives_one_tensor_as_with_monai() -> None:
    inputs = torch.full((1, 1, 6, 6), 0.8)
    restored = RestorationInferer(passes=2)(inputs, lambda x: x / 2)
    assert torch.equal(restored, inputs / 4)
    assert torch.equal(RestorationInferer()(inputs, torch.tanh), SimpleInferer()(inputs, torch.tanh))
    assert [logits for _, logits in RestorationInferer(passes=2).all_passes(inputs, torch.tanh)] == [None, None]


def test_keep_tone_gives_back_the_exposure_and_contrast_of_the_input() -> None:
    inputs = torch.rand(2, 3, 9, 8, generator=torch.Generator().manual_seed(0)) - 0.5

    def darken(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 0.5 * image - 0.2, image.amax((1, 2, 3))[:, None]

    for image, _ in RestorationInferer(passes=2, keep_tone=True).all_passes(inputs, darken):
        torch.testing.assert_close(image, inputs)
    _, second = RestorationInferer(passes=2, keep_tone=True).all_passes(inputs, darken)
    torch.testing.assert_close(second[1], darken(darken(inputs)[0])[1])  # a pass goes over what the network gave


def test_an_image_without_contrast_or_with_the_opposite_one_keeps_its_gray_values() -> None:
    image = torch.tensor([-0.5, 0.0, 0.5]).expand(1, 1, 2, 3)
    assert torch.equal(with_tone_of(torch.full_like(image, 0.3), image), torch.full_like(image, 0.3))
    assert torch.equal(with_tone_of(-image, image), -image)
    # least squares by hand: x = (-1, 0, 1) and y = (-0.5, 0.5, 0.6) have slope 0.55 and mean 0.2
    y = torch.tensor([-0.5, 0.5, 0.6]).expand(1, 1, 2, 3)
    torch.testing.assert_close(with_tone_of(2 * image, y)[0, 0, 0], torch.tensor([-0.35, 0.2, 0.75]))


def test_native_size_hands_the_image_on_as_it_is() -> None:
    inputs = torch.rand(1, 1, 7, 5)
    image, logits = RestorationInferer()(inputs, halve)
    assert torch.equal(image, inputs / 2)
    assert logits[0, :2].tolist() == [7, 5]


def test_a_given_size_is_that_of_the_shorter_side_and_the_result_has_the_input_s() -> None:
    passes = RestorationInferer(passes=2, size=8).all_passes(torch.rand(2, 3, 20, 15), halve)
    assert [logits[0, :2].tolist() for _, logits in passes] == [[11, 8], [11, 8]]
    assert [tuple(image.shape) for image, _ in passes] == [(2, 3, 20, 15)] * 2


def test_reducing_averages_instead_of_picking_pixels() -> None:
    checkers = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).float()[None, None] * 2 - 1
    _, logits = RestorationInferer(size=8)(checkers, halve)
    assert abs(float(logits[0, 2])) < 0.1  # the mean of -1 and 1


def test_a_smooth_image_comes_back_through_the_working_size() -> None:
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 90), torch.linspace(-1, 1, 120), indexing="ij")
    inputs = (torch.sin(2 * rows) * columns)[None, None]
    image, _ = RestorationInferer(size=45)(inputs, lambda x: (x, x.mean()))
    assert F.l1_loss(image, inputs) < 2e-3


def test_resampling_stays_within_the_range() -> None:
    edge = torch.ones(1, 1, 32, 32)
    edge[..., 16:] = -1
    image, _ = RestorationInferer(size=8)(edge, lambda x: (x, x.mean()))
    assert -1 <= image.min() < image.max() <= 1


def test_half_precision_results_are_resampled() -> None:
    image, _ = RestorationInferer(size=4)(torch.rand(1, 1, 9, 9), lambda x: (x.bfloat16(), x.mean()))
    assert image.dtype == torch.float32


def test_a_meta_tensor_keeps_its_meta_data() -> None:
    inputs = MetaTensor(torch.rand(1, 1, 9, 9), meta={"filename_or_obj": "a.png"})
    image, _ = RestorationInferer(size=4)(inputs, halve)
    assert isinstance(image, MetaTensor)
    assert image.meta["filename_or_obj"] == "a.png"


def test_arguments_reach_the_network() -> None:
    image, _ = RestorationInferer()(torch.ones(1, 1, 2, 2), lambda x, scale, shift: (x * scale + shift, x), 3, shift=1)
    assert image.unique().tolist() == [4]


def test_results_are_enlarged_by_how_much_larger_the_shorter_side_is() -> None:
    inferer = RestorationInferer(size=8, max_enlargement=2)
    assert [inferer.enlargement(shape) for shape in ((12, 40), (6, 40), (8, 8))] == [1.5, 1.0, 1.0]
    assert RestorationInferer().enlargement((3000, 2000)) == 1
    assert inferer(torch.rand(1, 1, 16, 30), halve)[0].shape == (1, 1, 16, 30)
    with pytest.raises(InputError, match=r"has 17 x 30 pixels, 2.1 times the 8 at which this model works"):
        inferer(torch.rand(1, 1, 17, 30), halve)


def test_strips_are_refused_at_any_size() -> None:
    for size in (8, "native"):
        assert RestorationInferer(size=size)(torch.rand(1, 1, 2, 128), halve)[0].shape == (1, 1, 2, 128)
        with pytest.raises(InputError, match="has 129 x 2 pixels; one side may be at most 64 times the other"):
            RestorationInferer(size=size)(torch.rand(1, 1, 129, 2), halve)


def test_auto_is_native_with_a_network_that_was_made_for_it() -> None:
    native = torch.nn.Identity()
    native.keeps_native_detail = True  # type: ignore[assignment]
    for wanted, expected in (("auto", "native"), (None, "native"), ("trained", 32), ("native", "native"), (20, 20)):
        assert working_size(wanted, native, 32) == expected
    assert working_size("auto", torch.nn.Identity(), 32) == 32
    for wrong in ("trained size", 0, True, 2.5):
        with pytest.raises(ValueError, match="size must be"):
            working_size(wrong, native, 32)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"passes": 0}, {"size": 0}, {"size": "trained"}, {"size": 2.5}, {"max_enlargement": 0.5}]
)
def test_wrong_options_are_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        RestorationInferer(**options)


def test_a_working_size_needs_two_spatial_dimensions() -> None:
    with pytest.raises(ValueError, match="rows, columns"):
        RestorationInferer(size=8)(torch.rand(1, 1, 20), halve)
    assert RestorationInferer()(torch.rand(1, 1, 20), lambda x: (x, x.mean()))[0].shape == (1, 1, 20)

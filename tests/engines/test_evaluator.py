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
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.data.utils import affine_to_spacing
from monai.engines import SupervisedEvaluator
from monai.inferers import Inferer
from monai.transforms import (
    Compose,
    Invertd,
    LoadImaged,
    Resized,
    Rotate90d,
    SaveImaged,
    ScaleIntensityRanged,
)
from radiograph_files import ramp, write_dicom_file

from monai_r2c.data.restorations import RestorationDataset
from monai_r2c.engines import R2CEvaluator
from monai_r2c.handlers import ImageTable, QualityScores
from monai_r2c.inferers import RestorationInferer
from monai_r2c.networks import R2CGenerator
from monai_r2c.transforms import LoadRadiographd, ResizeShortestd
from monai_r2c.utils import InputError
from monai_r2c.utils.metadata import plain_tensor, with_metadata_of

# the first index runs to the back, the second to the left: another order and other signs than the world's axes
AFFINE = np.array([[0.0, -0.2, 0.0, 40.0], [-0.3, 0.0, 0.0, -7.0], [0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 0.0, 1.0]])
VALUES = ramp(12, 20, 16)


class _Identity(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert type(image) is torch.Tensor
        return image * 1.0, torch.tensor([[0.0, 1.0]]).expand(len(image), 2)


def _nifti(folder: Path) -> Path:
    path = folder / "case_a.nii.gz"
    nibabel.save(nibabel.Nifti1Image(VALUES.astype(np.int16), AFFINE), path)
    return path


def _dicom(folder: Path) -> Path:
    # MONAI's reader looks at the spacing of images that say how they lie
    lies = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [-3, 4, 0]}
    return write_dicom_file(folder / "case_b.dcm", VALUES, PixelSpacing=[0.3, 0.2], **lies)


def _pipelines(load: Any, high: float, folder: Path, size: Any, resample: bool = True) -> tuple[Compose, Compose]:
    before = Compose(
        [
            load,
            Resized("image", (2 * size[0], 3 * size[1]), mode="nearest"),
            Rotate90d("image"),
            ScaleIntensityRanged("image", 0, high, -1, 1),
        ]
    )
    saving = {"resample": resample, "print_log": False}
    after = Compose(
        [
            ScaleIntensityRanged("restored", -1, 1, 0, high),
            Invertd("restored", transform=before, orig_keys="image"),
            SaveImaged("restored", output_dir=folder, output_postfix="restored", separate_folder=False, **saving),
        ]
    )
    return before, after


def _evaluate(path: Path, before: Compose, after: Compose) -> list[dict[str, Any]]:
    loader = DataLoader(Dataset([{"image": str(path)}], before), batch_size=1)
    evaluator = R2CEvaluator("cpu", loader, _Identity(), postprocessing=after)
    evaluator.run()
    return evaluator.state.output


def test_nifti_comes_back_as_it_was_through_monai_post_processing(tmp_path: Path) -> None:
    path = _nifti(tmp_path)
    _evaluate(path, *_pipelines(LoadImaged("image", ensure_channel_first=True), 4095, tmp_path / "ours", VALUES.shape))
    saved = nibabel.load(tmp_path / "ours/case_a_restored.nii.gz")
    assert saved.shape == VALUES.shape
    assert np.allclose(saved.header.get_zooms()[:2], (0.3, 0.2))
    assert nibabel.aff2axcodes(saved.affine) == nibabel.aff2axcodes(AFFINE) == ("P", "L", "S")
    assert np.allclose(saved.affine, AFFINE, atol=1e-5)
    assert np.allclose(saved.get_fdata(), VALUES, atol=0.01)


def test_files_equal_those_of_the_evaluator_of_monai(tmp_path: Path) -> None:
    path = _nifti(tmp_path)
    load = LoadImaged("image", ensure_channel_first=True)
    _evaluate(path, *_pipelines(load, 4095, tmp_path / "ours", VALUES.shape))
    before, after = _pipelines(load, 4095, tmp_path / "theirs", VALUES.shape)

    def prepare(batch: Any, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
        return batch["image"], None

    SupervisedEvaluator(
        device="cpu",
        val_data_loader=DataLoader(Dataset([{"image": str(path)}], before), batch_size=1),
        network=torch.nn.Identity(),
        prepare_batch=prepare,
        postprocessing=Compose([lambda item: {**item, "restored": item["pred"]}, after]),
    ).run()
    ours, theirs = (nibabel.load(tmp_path / name / "case_a_restored.nii.gz") for name in ("ours", "theirs"))
    assert np.allclose(ours.affine, theirs.affine)
    assert np.allclose(ours.get_fdata(), theirs.get_fdata(), atol=1e-3)


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("file", [_nifti, _dicom])
def test_images_of_our_loader_come_back_with_name_size_spacing_and_orientation(
    tmp_path: Path, file: Any, resample: bool
) -> None:
    path, load = file(tmp_path), LoadRadiographd("image")
    original = load({"image": str(path)})["image"]
    before, after = _pipelines(load, 1, tmp_path / "restored", original.shape[1:], resample)
    _evaluate(path, before, after)
    saved = nibabel.load(tmp_path / f"restored/{path.name.partition('.')[0]}_restored.nii.gz")
    assert saved.shape == tuple(original.shape[1:])  # rows first
    if file is _nifti:  # whose columns come first
        assert np.allclose(saved.affine, AFFINE[:, [1, 0, 2, 3]], atol=1e-5)
        assert np.allclose(saved.get_fdata().T, VALUES / 4095, atol=1e-5)
    else:
        assert np.allclose(saved.header.get_zooms()[:2], (0.3, 0.2))
        assert np.allclose(saved.get_fdata(), VALUES / 4095, atol=1e-5)


def test_dicom_of_the_loader_of_monai_comes_back_with_name_size_spacing_and_orientation(tmp_path: Path) -> None:
    load = LoadImaged("image", reader="PydicomReader", ensure_channel_first=True)
    path = _dicom(tmp_path)
    original = load({"image": str(path)})["image"]
    _evaluate(path, *_pipelines(load, 4095, tmp_path, VALUES.T.shape))
    saved = nibabel.load(tmp_path / "case_b_restored.nii.gz")
    assert np.allclose(saved.header.get_zooms()[:2], (0.2, 0.3))  # columns first
    assert np.allclose(saved.affine, original.affine)
    assert np.allclose(saved.get_fdata(), VALUES.T, atol=0.01)


def test_shortest_side_is_inverted_too(tmp_path: Path) -> None:
    before = Compose([LoadRadiographd("image"), ResizeShortestd("image", 8)])
    after = Invertd("restored", transform=before, orig_keys="image", nearest_interp=False)
    (item,) = _evaluate(_dicom(tmp_path), before, after)
    assert item["image"].shape == (1, 10, 8)
    assert np.allclose(affine_to_spacing(item["image"].affine)[:2], (0.6, 0.4))
    assert item["restored"].shape == (1, 20, 16)
    assert np.allclose(affine_to_spacing(item["restored"].affine)[:2], (0.3, 0.2))


@pytest.mark.parametrize("variant", ["operational", "convolutional", "convolutional_light"])
def test_every_image_keeps_its_own_metadata_and_operations(variant: str) -> None:
    items = []
    for index in range(2):
        image = MetaTensor(torch.rand(1, 16, 20), affine=torch.eye(4) * (index + 1), meta={"filename_or_obj": index})
        reference = MetaTensor(torch.rand(1, 16, 20), meta={"filename_or_obj": f"reference {index}"})
        items.append({"image": image, "reference": reference, "label": index})
    dataset = Dataset(items, Rotate90d("image", k=2))
    evaluator = R2CEvaluator("cpu", DataLoader(dataset, batch_size=2), R2CGenerator(2, features=4, variant=variant))
    evaluator.run()
    for index, item in enumerate(evaluator.state.output):
        image, restored = item["image"], item["restored"]
        assert isinstance(restored, MetaTensor)
        assert restored.meta["filename_or_obj"] == index
        assert torch.equal(restored.affine, image.affine)
        assert [done["class"] for done in restored.applied_operations] == ["Rotate90"]
        assert item["reference"].meta["filename_or_obj"] == f"reference {index}"
        restored.applied_operations.pop()
        assert len(image.applied_operations) == 1


def test_an_image_that_is_refused_is_named() -> None:
    items = [{"image": torch.rand(1, 40, 40), "file": "a.png"}]
    evaluator = R2CEvaluator("cpu", DataLoader(Dataset(items)), _Identity(), RestorationInferer(1, 8, 4.0))
    with pytest.raises(InputError, match=r"^a.png: has 40 x 40 pixels, 5.0 times the 8"):
        evaluator.run()


def test_stacked_batch_that_does_not_say_whose_metadata_it_has_loses_it() -> None:
    images = [MetaTensor(torch.rand(1, 8, 8), meta={"filename_or_obj": str(i)}) for i in range(2)]
    evaluator = R2CEvaluator("cpu", [{"image": torch.stack(images)}], _Identity())
    evaluator.run()
    assert [type(item[key]) for item in evaluator.state.output for key in ("image", "restored")] == 4 * [torch.Tensor]


def test_image_of_another_size_is_not_described_by_its_source() -> None:
    class Halving(Inferer):
        def __call__(self, inputs, network, *args, **kwargs):
            image, logits = network(inputs)
            return image[..., ::2, ::2], logits

    items = [{"image": MetaTensor(torch.rand(1, 8, 8), meta={"filename_or_obj": "a"})}]
    evaluator = R2CEvaluator("cpu", DataLoader(Dataset(items), batch_size=1), _Identity(), Halving())
    evaluator.run()
    (item,) = evaluator.state.output
    assert isinstance(item["image"], MetaTensor)
    assert type(item["restored"]) is torch.Tensor


def test_pending_operations_and_values_are_kept_and_the_source_is_not_touched() -> None:
    source = MetaTensor(torch.rand(1, 1, 4, 4), meta={"filename_or_obj": "a"})
    source.push_pending_operation({"class": "Rotate90"})
    image = torch.rand(1, 3, 4, 4)
    described = with_metadata_of(source, image)
    assert described.pending_operations == source.pending_operations != []
    assert described.data_ptr() == image.data_ptr()
    described.pending_operations.clear()
    described.meta["filename_or_obj"] = "b"
    assert (len(source.pending_operations), source.meta["filename_or_obj"]) == (1, "a")
    assert type(plain_tensor(source)) is torch.Tensor


class _Squeamish(_Identity):
    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if image.max() > 1:
            raise ValueError("too bright")
        return super().forward(image)


def _keep_going(values: list[float], named: bool = True, **arguments: Any) -> tuple[R2CEvaluator, list[Any]]:
    """Images of one gray value, by the name of their number; what all steps give."""
    items = [{"image": torch.full((1, 16, 16), value)} for value in values]
    if named:
        items = [item | {"file": str(number)} for number, item in enumerate(items)]
    evaluator = R2CEvaluator("cpu", DataLoader(items, batch_size=1), _Squeamish(), keep_going=True, **arguments)
    given: list[Any] = []
    evaluator.add_event_handler("ITERATION_COMPLETED", lambda engine: given.extend(engine.state.output))
    return evaluator, given


def test_keep_going_scores_and_tabulates_the_other_images() -> None:
    table = ImageTable(["a", "b"])
    metrics = {"quality": QualityScores(resamples=0)}
    evaluator, given = _keep_going([0.2, 2.0, 0.6], additional_metrics=metrics, val_handlers=[table])
    evaluator.run()
    assert given[1] == {"file": "1", "error": "1: ValueError: too bright"}
    assert [(row["file"], row["exposure"]) for row in table.rows()] == [("0", 51), ("2", 153)]
    assert evaluator.state.metrics["exposure"] == 102
    assert evaluator.state.metrics["exposure"].images == 2


def test_keep_going_has_no_scores_where_every_image_fails() -> None:
    table = ImageTable(["a", "b"])
    metrics = {"quality": QualityScores(resamples=0)}
    evaluator, given = _keep_going([2.0], additional_metrics=metrics, val_handlers=[table])
    evaluator.run()
    assert (len(given), evaluator.state.metrics["quality"], table.rows()) == (1, {}, [])


def test_keep_going_without_names_tells_which_image_failed() -> None:
    evaluator, given = _keep_going([0.2, 2.0, 0.6], named=False)
    evaluator.run()
    assert given[1] == {"error": "image 2: ValueError: too bright"}
    assert ["restored" in item for item in given] == [True, False, True]


def test_keep_going_takes_one_image_at_a_time() -> None:
    refused = r"^R2CEvaluator: keep_going takes batches of one image, got 2; say batch_size=1\.$"
    unreadable: Any = RestorationDataset([{"image": "a.png", "file": "a"}] * 2, LoadRadiographd("image"))
    with pytest.raises(InputError, match=refused):
        R2CEvaluator("cpu", DataLoader(unreadable, batch_size=2), _Identity(), keep_going=True)
    with pytest.raises(InputError, match=refused):
        R2CEvaluator("cpu", [{"image": torch.rand(2, 1, 8, 8)}], _Identity(), keep_going=True).run()

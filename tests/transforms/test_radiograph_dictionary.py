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

import itk
import nibabel
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from PIL import Image
from radiograph_files import ramp, write_dicom_file

from monai_r2c.transforms import LoadRadiograph, LoadRadiographD, LoadRadiographd, LoadRadiographDict
from monai_r2c.utils import InputError


@pytest.fixture
def one_of_each(tmp_path: Path) -> list[Path]:
    pixels = ramp(8)
    paths = [write_dicom_file(tmp_path / "x.dcm", ramp(12))]
    for suffix in ("png", "tif", "jpg"):
        paths.append(tmp_path / f"x.{suffix}")
        Image.fromarray(pixels).save(paths[-1])
    paths += [tmp_path / "x.nii.gz", tmp_path / "x.mha"]
    nibabel.save(nibabel.Nifti1Image(pixels.T, np.eye(4)), paths[-2])
    itk.imwrite(itk.image_from_array(pixels), str(paths[-1]))
    return paths


def test_the_twin_loads_every_key_as_the_transform_does(one_of_each: list[Path]) -> None:
    item = LoadRadiographd(["image", "reference"])({"image": one_of_each[0], "reference": one_of_each[1], "label": 1})
    assert item["label"] == 1
    for key, path in (("image", one_of_each[0]), ("reference", one_of_each[1])):
        assert isinstance(item[key], MetaTensor)
        assert torch.equal(item[key], LoadRadiograph()(path))


def test_missing_keys_are_an_error_unless_allowed(one_of_each: list[Path]) -> None:
    data = {"image": one_of_each[0]}
    with pytest.raises(KeyError):
        LoadRadiographd(["image", "reference"])(data)
    assert set(LoadRadiographd(["image", "reference"], allow_missing_keys=True)(data)) == {"image"}
    assert data["image"] == one_of_each[0]


def test_options_reach_the_loader(tmp_path: Path) -> None:
    path = write_dicom_file(tmp_path / "x.dcm", ramp(12), Modality="MG")
    with pytest.raises(InputError, match="has modality MG"):
        LoadRadiographd("image")({"image": path})
    assert LoadRadiographd("image", modalities=["MG"])({"image": path})["image"].shape == (1, 40, 36)


def test_all_formats_collate_into_one_batch(one_of_each: list[Path]) -> None:
    dataset = Dataset([{"image": path} for path in one_of_each], LoadRadiographd("image"))
    batch = next(iter(DataLoader(dataset, batch_size=len(dataset))))["image"]
    assert batch.shape == (6, 1, 40, 36)
    kinds = [item.meta["radiograph_kind"] for item in decollate_batch(batch)]
    assert kinds == ["dicom", "png", "tiff", "jpeg", "nifti", "metaimage"]


def test_aliases_follow_monai() -> None:
    assert LoadRadiographD is LoadRadiographDict is LoadRadiographd

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

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError

REFUSALS = {
    "bad_ct_slice.dcm": "has modality CT",
    "bad_rtplan_no_image.dcm": "holds no image (RT Plan Storage)",
    "bad_us_multiframe_rle.dcm": "has modality US",
}
# JPEG with loss decodes to within one gray level of 255
TOLERANCES = {"cr_chest_mono1_8bit_jpeg_tagonly.dcm": 1.01 / 255, "cr_chest_mono2_8bit_jpeg.dcm": 1.01 / 255}


@pytest.fixture(scope="module")
def samples(shared: Path) -> dict[str, dict[str, str]]:
    with (shared / "data/dicom/files.csv").open() as table:
        return {row["file"]: row for row in csv.DictReader(table)}


def test_every_sample_loads_alike_with_both_readers_or_is_refused(shared: Path, samples: dict) -> None:
    for name, row in samples.items():
        path = shared / "data/dicom" / name
        if name in REFUSALS:
            for reader in ("pydicom", "itk"):
                with pytest.raises(InputError) as refusal:
                    LoadRadiograph(reader)(path)
                assert REFUSALS[name] in str(refusal.value)
            continue
        image, twin = LoadRadiograph("pydicom")(path), LoadRadiograph("itk")(path)
        assert image.shape == (1, int(row["rows"]), int(row["columns"]))
        assert image.meta["bits"] == int(row["bits_stored"])
        assert image.meta["polarity"] == row["photometric"]
        assert 0 <= image.min() < image.max() <= 1
        np.testing.assert_allclose(image.numpy(), twin.numpy(), atol=TOLERANCES.get(name, 0))


def test_the_frame_count_is_seen_where_the_modality_is_admitted(shared: Path) -> None:
    with pytest.raises(InputError, match="has 2 frames"):
        LoadRadiograph(modalities=["US"])(shared / "data/dicom/bad_us_multiframe_rle.dcm")


def test_a_ct_slice_loads_where_it_is_admitted(shared: Path) -> None:
    assert LoadRadiograph(modalities=["CT"])(shared / "data/dicom/bad_ct_slice.dcm").shape == (1, 128, 128)


def test_the_tag_alone_inverts(shared: Path) -> None:
    plain = LoadRadiograph()(shared / "data/dicom/cr_chest_mono2_8bit_jpeg.dcm")
    tagged = LoadRadiograph()(shared / "data/dicom/cr_chest_mono1_8bit_jpeg_tagonly.dcm")
    torch.testing.assert_close(tagged.as_tensor(), 1 - plain.as_tensor())


def test_the_derived_monochrome2_image_shows_what_its_monochrome1_source_shows(shared: Path) -> None:
    source = LoadRadiograph()(shared / "data/dicom/cr_chest_mono1_15bit_j2k.dcm").as_tensor()
    derived = LoadRadiograph()(shared / "data/dicom/derived_dx_chest_mono2_12bit_voilut.dcm").as_tensor()
    averaged = F.avg_pool2d(source, 4)
    # one is windowed linearly, the other by a sigmoid, so they agree in order and not in value
    pairs = torch.stack([averaged.flatten(), derived.flatten()])
    assert torch.corrcoef(pairs)[0, 1] > 0.97
    assert derived.max() > 0.9


def test_air_beside_the_patient_is_black(shared: Path) -> None:
    image = LoadRadiograph()(shared / "data/dicom/dx_dog_thorax_mono1_8bit.dcm")
    assert image[0, :8, -60:].mean() < 0.1

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

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
import torch
from click.testing import CliRunner
from PIL import Image
from radiograph_files import ramp, write_dicom_file, write_tiff_file

from monai_r2c.apps.restore import restore
from monai_r2c.networks import R2CGenerator, load_restorer, save_model


class Toned(R2CGenerator):
    """A restorer that sees the image at its own size and gives it another tone curve, exactly."""

    keeps_native_detail = True
    tone: Callable[[torch.Tensor], torch.Tensor] = staticmethod(lambda image: image)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return type(self).tone(image), torch.zeros(len(image), 2)


def write_png(path: Path, values: np.ndarray, bits: int) -> None:
    Image.fromarray(values).save(path)


def write_dicom(path: Path, values: np.ndarray, bits: int) -> None:
    write_dicom_file(path, values, bits)


def write_tiff(path: Path, values: np.ndarray, bits: int) -> None:
    write_tiff_file(path, values, bits=bits)


def read(path: Path, bits: int) -> np.ndarray:
    """Gray values as the file stores them, on the scale of its source's bits."""
    if path.suffix == ".dcm":
        return pydicom.dcmread(path).pixel_array
    values = tifffile.imread(path) if path.suffix == ".tif" else np.asarray(Image.open(path))
    return np.rint(values / 65535 * 4095) if path.suffix == ".tif" and bits == 12 else values


# PNG and TIFF have no 10 and 14 bits of their own: such values lie in the lower part of 16
KINDS = [
    *((".dcm", bits, bits) for bits in (8, 10, 12, 14, 16)),
    *((".png", bits, 8 if bits == 8 else 16) for bits in (8, 10, 12, 14, 16)),
    *((".tif", bits, {8: 8, 12: 12}.get(bits, 16)) for bits in (8, 10, 12, 14, 16)),
]
WRITERS = {".dcm": write_dicom, ".png": write_png, ".tif": write_tiff}


def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, values: np.ndarray, bits: int) -> np.ndarray:
    def load(*args: Any, **options: Any) -> Any:
        network, settings = load_restorer(*args, **options)
        network.__class__ = Toned
        return network, settings

    monkeypatch.setattr("monai_r2c.networks.load_restorer", load)
    WRITERS[suffix](tmp_path / f"a{suffix}", values, bits)
    save_model(tmp_path / "model.pt", R2CGenerator(2, features=2), ("a", "b"), 32)
    arguments = (tmp_path / f"a{suffix}", "--model", tmp_path / "model.pt", "--output", tmp_path / "out")
    result = CliRunner().invoke(restore, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return read(tmp_path / f"out/a{suffix}", bits)


@pytest.mark.parametrize(("suffix", "depth", "bits"), KINDS)
def test_every_gray_level_of_a_radiograph_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, depth: int, bits: int
) -> None:
    monkeypatch.setattr(Toned, "tone", staticmethod(lambda image: image))
    values = ramp(depth, 256, 256)
    assert len(np.unique(values)) == 2**depth
    written = restored(tmp_path, monkeypatch, suffix, values, bits)
    assert len(np.unique(written)) == 2**depth
    np.testing.assert_array_equal(written, values)


@pytest.mark.parametrize(("suffix", "bits"), [(".dcm", 10), (".dcm", 14), (".dcm", 16), (".png", 16), (".tif", 16)])
def test_a_smooth_change_of_tone_leaves_no_bands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, bits: int
) -> None:
    monkeypatch.setattr(Toned, "tone", staticmethod(lambda image: torch.sin(image * (np.pi / 2))))
    values = ramp(bits, 256, 256)
    written = restored(tmp_path, monkeypatch, suffix, values, bits)
    highest = 2**bits - 1
    exact = np.rint((np.sin((values / highest * 2 - 1) * (np.pi / 2)) + 1) / 2 * highest)
    assert np.abs(written - exact).max() <= 1
    assert len(np.unique(written)) == pytest.approx(len(np.unique(exact)), rel=0.002)

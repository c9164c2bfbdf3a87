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

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless
from radiograph_files import lut_item, ramp, write_dicom_file

SYNTAXES = (ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless)
FILES = 200

# loads every file of a folder in a process of its own, whose death, hang or size shows
LOADER = """
import resource, sys, time
from pathlib import Path
from monai_r2c.transforms import LoadRadiograph
from monai_r2c.utils import InputError

load, loaded, slowest = LoadRadiograph(), 0, 0.0
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.perf_counter()
    try:
        image = load(path)
        assert 0.0 <= image.min() < image.max() <= 1.0
        loaded += 1
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\\n" not in str(error), error
    slowest = max(slowest, time.perf_counter() - start)
status = Path("/proc/self/status")
if status.exists():  # Linux: getrusage would count the process that started this one
    peak = next(int(line.split()[1]) * 1024 for line in status.open() if line.startswith("VmHWM:"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(loaded, slowest, peak)
"""


@pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="peak memory is read on Linux and macOS")
def test_corrupted_files_load_or_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "corrupted"
    folder.mkdir()
    originals = _originals(tmp_path)
    rng = np.random.default_rng(4)
    for index in range(FILES):
        original = originals[index % len(originals)]
        (folder / f"{index:03d}{original.suffix}").write_bytes(_corrupted(original.read_bytes(), rng))
    result = subprocess.run(
        [sys.executable, "-c", LOADER, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    loaded, slowest, peak = result.stdout.split()
    assert 0 < int(loaded) < FILES  # some of the damage is harmless, most is not
    assert float(slowest) < 20
    assert int(peak) < 2 * 2**30


def _originals(folder: Path) -> list[Path]:
    noise = np.random.default_rng(0).integers(0, 300, (40, 36)).astype(np.uint16)
    Image.fromarray(ramp(8)).save(folder / "8.png")
    Image.fromarray(ramp(16) - np.minimum(ramp(16), noise)).save(folder / "16.png")
    header = {"WindowCenter": 2048, "WindowWidth": 3000, "PatientName": "A^B", "PixelSpacing": [0.2, 0.2]}
    header |= {"VOILUTSequence": [lut_item(np.arange(64), 0, 12)], "ImageType": ["ORIGINAL", "PRIMARY"]}
    dicoms = [
        write_dicom_file(folder / f"{index}.dcm", ramp(12), syntax=syntax, **header)
        for index, syntax in enumerate(SYNTAXES)
    ]
    return [folder / "8.png", folder / "16.png", *dicoms]


def _corrupted(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    if rng.random() < 0.7:
        for position in rng.integers(0, len(data), rng.integers(1, 20)):
            data[position] ^= 1 << rng.integers(8)
    if rng.random() < 0.5:
        data = data[: rng.integers(len(data))]
    return bytes(data)

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

import argparse
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import itk
import nibabel
import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from radiograph_files import dicom_dataset, lut_item, ramp, write_dicom_file, write_tiff_file

SECONDS, BYTES = 10, 2 * 2**30
SYNTAXES = {
    "dicom": ExplicitVRLittleEndian,
    "dicom deflated": DeflatedExplicitVRLittleEndian,
    "dicom JPEG 2000": JPEG2000Lossless,
    "dicom JPEG-LS": JPEGLSLossless,
    "dicom RLE": RLELossless,
}


def main() -> None:
    """Mutate files of every kind that is read; each must load right or be refused in one line, in 10 s and 2 GiB."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        load_all(arguments.load)
        return
    print(f"{'kind':22}{'files':>7}{'loaded':>8}{'refused':>9}{'slowest':>10}{'peak':>10}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        originals = write_originals(Path(name))
        for number, (kind, original) in enumerate(originals.items()):
            folder = Path(name) / "mutated" / f"{number:02d} {kind}"
            folder.mkdir(parents=True)
            rng = np.random.default_rng([arguments.seed, number])
            count = arguments.files // len(originals) + (number < arguments.files % len(originals))
            for index in range(count):
                file = folder / f"{index}{''.join(original.suffixes)}"
                file.write_bytes(mutated(original.read_bytes(), rng))
        # in a process of its own, whose death, hang or size shows
        command = [sys.executable, "-W", "ignore", __file__, "--load", str(Path(name) / "mutated")]
        sys.exit(subprocess.run(command, check=False).returncode)


def load_all(folder: Path) -> None:
    """Load the files of each kind and print how many load, the longest time and the peak of memory so far."""
    for kind in sorted(folder.iterdir()):
        loaded, refused, slowest = load_kind(kind)
        numbers = f"{loaded + refused:7}{loaded:8}{refused:9}{slowest:8.2f} s{peak_bytes() / 2**20:6.0f} MiB"
        print(f"{kind.name[3:]:22}{numbers}", flush=True)


def load_kind(folder: Path) -> tuple[int, int, float]:
    """Load every file; return how many load and how many are refused, and the longest time."""
    from monai_r2c.transforms import LoadRadiograph
    from monai_r2c.utils import InputError

    load, loaded, refused, slowest = LoadRadiograph(), 0, 0, 0.0
    for path in sorted(folder.iterdir()):
        start = time.process_time()  # a busy machine is no fault of the file's
        signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)  # ends a decoder that hangs
        try:
            image = load(path)
            if not 0.0 <= image.min() < image.max() <= 1.0:
                raise AssertionError(f"{path}: values outside [0, 1]")
            loaded += 1
        except InputError as error:
            if not str(error).startswith(f"{path}: ") or "\n" in str(error):
                raise
            refused += 1
        slowest = max(slowest, time.process_time() - start)
        peak = peak_bytes()
        if slowest > SECONDS or peak > BYTES:
            raise RuntimeError(f"{path}: took {slowest:.1f} s and {peak} bytes")
    signal.setitimer(signal.ITIMER_PROF, 0)
    return loaded, refused, slowest


def peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage would count the process that started this one
        return next(int(line.split()[1]) * 1024 for line in status.open() if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def write_originals(folder: Path) -> dict[str, Path]:
    """A small file of each kind."""
    found = {}
    nested = Dataset()
    nested.ReferencedSOPInstanceUID, nested.PurposeOfReferenceCodeSequence = "1.2.3", [Dataset()]
    header = {"WindowCenter": 2048, "WindowWidth": 3000, "PatientName": "A^B", "SourceImageSequence": [nested]}
    header |= {"VOILUTSequence": [lut_item(np.arange(64), 0, 12)], "ImageType": ["ORIGINAL", "PRIMARY"]}
    for number, (kind, syntax) in enumerate(SYNTAXES.items()):
        found[kind] = write_dicom_file(folder / f"{number}.dcm", ramp(12), syntax=syntax, **header)
    found["dicom, bare"] = folder / "bare.dcm"
    for name in ("RLE", "deflated"):  # sequences ten deep and of a hundred items
        deep = Dataset()
        for _ in range(10):
            deep, outer = Dataset(), deep
            deep.SourceImageSequence = [outer, *(Dataset() for _ in range(99))]
        file, syntax = folder / f"nested {name}.dcm", SYNTAXES[f"dicom {name}"]
        found[f"dicom {name} nested"] = write_dicom_file(
            file, ramp(12), syntax=syntax, **header | {"SourceImageSequence": [deep]}
        )
    dataset = dicom_dataset(ramp(12), **header)
    dataset.save_as(found["dicom, bare"], implicit_vr=True, little_endian=True)
    for bits in (8, 16):
        found[f"png {bits}"] = folder / f"{bits}.png"
        Image.fromarray(ramp(bits)).save(found[f"png {bits}"])
    found["jpeg"] = folder / "x.jpg"
    Image.fromarray(ramp(8)).save(found["jpeg"])
    found["tiff"] = write_tiff_file(folder / "x.tif", ramp(16), orientation=6)
    found["tiff 12"] = write_tiff_file(folder / "12.tif", ramp(12), bits=12)
    found["tiff float"] = write_tiff_file(folder / "f.tif", ramp(16).astype(np.float32), photometric=0)
    found["tiff LZW"] = folder / "lzw.tif"
    Image.fromarray(ramp(8)).save(found["tiff LZW"], compression="tiff_lzw")
    found["bigtiff"] = write_tiff_file(folder / "big.tif", ramp(8), big=True)
    for suffix in ("nii", "nii.gz"):
        found[suffix] = folder / f"x.{suffix}"
        nibabel.save(nibabel.Nifti1Image(ramp(12).T[..., None].astype(np.int16), np.eye(4)), found[suffix])
    found["mha"] = folder / "x.mha"
    itk.imwrite(itk.image_from_array(ramp(16)), str(found["mha"]))
    return found


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file: bits, whole numbers set to extremes, runs repeated or cut out, an end that is missing."""
    data = bytearray(content)
    head = min(len(data), 600)  # where lengths, tags and sizes are
    for _ in range(rng.integers(1, 5)):
        how, limit = rng.integers(5), head if rng.random() < 0.7 else len(data)
        at = int(rng.integers(max(limit, 1)))
        if how == 0:
            for position in rng.integers(0, limit, rng.integers(1, 12)):
                data[position] ^= 1 << rng.integers(8)
        elif how == 1:
            extreme = [b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"\xff\xff"][rng.integers(5)]
            data[at : at + len(extreme)] = extreme
        elif how == 2:
            run = bytes(data[at : at + int(rng.integers(1, 64))])
            data[at:at] = run * int(rng.integers(1, 200))
        elif how == 3:
            del data[at : at + int(rng.integers(1, 64))]
        else:
            del data[int(rng.integers(len(data))) :]
        if len(data) < 8:
            break
        head = min(len(data), 600)
    return bytes(data)


if __name__ == "__main__":
    main()

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

"""The unpaired loader as the bundle sets it up, over files written for the purpose."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import DataLoader
from monai.transforms import Compose, RandSpatialCropd, ScaleIntensityRanged
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from monai_r2c.data import EpochSampler, UnpairedDataset, cached_dataset
from monai_r2c.transforms import LoadRadiographd, ResizeShortestd


def loading_rates(images: int, pixels: int, size: int, workers: list[int]) -> Iterator[dict[str, Any]]:
    """Give the pairs a second of each kind of file, cached and not, by number of workers."""
    write = {"PNG": write_png, "DICOM": write_dicom}
    for kind, cached in product(write, (False, True)):
        with tempfile.TemporaryDirectory() as folder:
            files = [write[kind](Path(folder), index, pixels) for index in range(images)]
            items = [{"image": file, "file": file, "label": index % 2} for index, file in enumerate(files)]
            read = Compose(
                [
                    LoadRadiographd("image"),
                    ResizeShortestd("image", round(size * 286 / 256)),
                    ScaleIntensityRanged("image", 0.0, 1.0, -1.0, 1.0),
                ]
            )
            domain = cached_dataset(items, read, cache_rate=float(cached))
            crop = RandSpatialCropd("image", (size, size), random_size=False)
            dataset = UnpairedDataset(domain, domain, seed=0, transform=crop)
            for count in workers:
                loader = DataLoader(
                    dataset, sampler=EpochSampler(dataset), num_workers=count, persistent_workers=count > 0
                )
                rate = _rate(loader, dataset)
                yield {"files": kind, "cached": cached, "workers": count, "pairs_per_second": rate}


def _rate(loader: DataLoader, dataset: UnpairedDataset) -> float:
    """Pairs a second of the better of two epochs, after a first one that starts workers."""
    seconds = []
    for epoch in range(1, 4):
        dataset.set_epoch(epoch)
        start = time.perf_counter()
        count = sum(1 for _ in loader)
        seconds.append(time.perf_counter() - start)
    return count / min(seconds[1:])


def _pixels(index: int, pixels: int, peak: int) -> np.ndarray:
    """A smooth image with some noise, so that its file is about as large as a radiograph's."""
    rng = np.random.default_rng(index)
    rows = np.linspace(0.2, 0.8, pixels)
    image = np.sqrt(np.outer(rows, rows[::-1])) + rng.normal(0, 0.01, (pixels, pixels))
    return (image.clip(0, 1) * peak).astype(np.uint16)


def write_png(folder: Path, index: int, pixels: int) -> str:
    """Write an image of 8 bits and return its path."""
    path = folder / f"{index}.png"
    Image.fromarray(_pixels(index, pixels, 255).astype(np.uint8)).save(path)
    return str(path)


def write_dicom(folder: Path, index: int, pixels: int) -> str:
    """Write a radiograph of 12 bits, uncompressed, and return its path."""
    path = folder / f"{index}.dcm"
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Modality = "CR"
    file.set_pixel_data(_pixels(index, pixels, 4095), "MONOCHROME2", 12)
    file.save_as(path)
    return str(path)

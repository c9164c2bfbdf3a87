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
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from monai_r2c.data.quality import QualityMeasures, QualityThresholds, find_faults, measure_quality, propose_quality

CLEAR = QualityMeasures(
    noise_sigma=1,
    lap_var=100,
    sharpness=3,
    mean=140,
    std=50,
    p5=40,
    p50=140,
    p95=240,
    contrast=200,
    cnr=200,
    clip_low=0,
    clip_high=0,
)


def smooth_image(rows: int = 256, columns: int = 256) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(0).random((rows, columns)), 2)
    return (image - image.min()) / np.ptp(image)


def test_ramp_has_no_noise_and_known_levels():
    measures = measure_quality(np.tile(np.arange(256) / 255, (256, 1)))
    assert measures.noise_sigma == 0
    assert measures.cnr == math.inf
    assert measures.lap_var == 0
    assert (measures.mean, measures.p5, measures.p50, measures.p95) == (127.5, 12.0, 127.5, 243.0)
    assert measures.contrast == 231
    assert measures.clip_low == measures.clip_high == 3 / 256


def test_single_bright_pixel_gives_the_kernels_sums():
    rows, columns, height = 256, 300, 51
    image = np.zeros((rows, columns))
    image[100, 120] = height / 255
    measures = measure_quality(image)
    inside = (rows - 2) * (columns - 2)
    assert measures.noise_sigma == pytest.approx(math.sqrt(math.pi / 2) / 6 * 16 * height / inside)
    assert measures.lap_var == pytest.approx(20 * height**2 / inside)
    assert measures.clip_low == 1 - 1 / (rows * columns)
    assert measures.cnr == 0


def test_noise_sigma_is_that_of_added_gaussian_noise():
    noise = np.random.default_rng(0).normal(0, 6, (256, 256))
    assert measure_quality((120 + noise) / 255).noise_sigma == pytest.approx(6, rel=0.02)


def test_sharpness_falls_with_blur_and_not_with_contrast():
    image = 0.25 + 0.5 * smooth_image()
    sharp = measure_quality(image).sharpness
    assert measure_quality(ndimage.gaussian_filter(image, 2)).sharpness < 0.9 * sharp
    assert measure_quality(0.25 + image / 2).sharpness == pytest.approx(sharp, rel=0.05)


def test_larger_images_are_reduced_on_their_shorter_side_and_smaller_ones_left():
    image = smooth_image(512, 768).astype(np.float32)
    reduced = np.asarray(Image.fromarray(image).resize((384, 256), Image.Resampling.LANCZOS)).clip(0, 1)
    assert measure_quality(image).noise_sigma == pytest.approx(measure_quality(reduced).noise_sigma, rel=1e-6)
    small = smooth_image(100, 120)
    assert measure_quality(small) == measure_quality(small, size=100)


def test_channel_dimension_and_tensors_are_taken():
    image = smooth_image(64, 64)
    assert measure_quality(torch.from_numpy(image)[None]) == measure_quality(image)


@pytest.mark.parametrize(
    "image", [np.zeros((3, 64, 64)), np.zeros((64, 8)), np.full((64, 64), 1.5), np.full((64, 64), np.nan)]
)
def test_wrong_images_are_refused(image):
    with pytest.raises(ValueError, match="expected"):
        measure_quality(image)


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"contrast": 87.9}, ("low-contrast",)),
        ({"cnr": 33.9}, ("noisy",)),
        ({"sharpness": 1.69}, ("blurred",)),
        ({"mean": 99.9}, ("exposure",)),
        ({"mean": 172.1}, ("exposure",)),
        ({"clip_low": 0.05, "clip_high": 0.04}, ("exposure",)),
        ({"contrast": 50, "cnr": 20, "mean": 0}, ("low-contrast", "noisy", "exposure")),
    ],
)
def test_each_fault_makes_an_image_poor(change, faults):
    measures = replace(CLEAR, **change)
    assert find_faults(measures) == faults
    assert propose_quality(measures) == "poor"


@pytest.mark.parametrize(
    ("change", "quality"),
    [
        ({}, "good"),
        ({"contrast": 98, "cnr": 38, "sharpness": 1.8, "mean": 105}, "good"),
        ({"clip_low": 0.08}, "good"),
        ({"contrast": 97.9}, "mid"),
        ({"cnr": 37.9}, "mid"),
        ({"sharpness": 1.79}, "mid"),
        ({"mean": 104.9}, "mid"),
        ({"mean": 168.1}, "mid"),
    ],
)
def test_good_is_clear_of_every_fault_and_mid_lies_between(change, quality):
    assert propose_quality(replace(CLEAR, **change)) == quality


def test_thresholds_are_an_argument():
    assert find_faults(CLEAR, QualityThresholds(poor_contrast=201)) == ("low-contrast",)
    assert propose_quality(CLEAR, QualityThresholds(good_contrast=201)) == "mid"


def test_manifest_of_real_radiographs_is_reproduced(shared):
    with (shared / "data/cxr/manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[::10]
    agreeing = 0
    for row in rows:
        measures = measure_quality(np.asarray(Image.open(shared / "data/cxr" / row["file"])) / 255)
        for name in ("noise_sigma", "sharpness", "contrast"):
            assert getattr(measures, name) == pytest.approx(float(row[name]), rel=0.01)
        agreeing += propose_quality(measures) == row["quality"]
    assert agreeing >= 0.95 * len(rows)

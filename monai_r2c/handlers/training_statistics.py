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

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from monai_r2c.data import Datalist
from monai_r2c.data.image_files import list_images
from monai_r2c.metrics.restoration_check import RestorationCheck
from monai_r2c.networks import annotate_model, read_settings
from monai_r2c.transforms import LoadRadiograph, RandWidePoorQuality, ResizeShortest
from monai_r2c.utils import InputError, process_rank

_LOGGER = logging.getLogger("monai_r2c.training")
_MOST_IMAGES, _MOST_GOOD = 1000, 200


def add_statistics(
    model: str | os.PathLike, images: Datalist, unseen: Sequence[str | os.PathLike] = (), seed: int = 0
) -> RestorationCheck:
    """Keep in a model file what its training images look like, so that `RestorationFlags` can tell others from them.

    Each training image counts as it is and degraded (`RandWidePoorQuality`), since poor ones are what it will be given;
    of more than 1000 images, that many drawn at random, and NIQE is fitted to 200 good ones.

    Args:
        model: path of the model file, which is replaced.
        images: that the model was trained on.
        unseen: files and folders of the same kind of image from other sources, which say where unfamiliar begins; see
            `fit_familiarity`.
        seed: of what is drawn.

    Raises:
        InputError: when the file is no model file, an image cannot be read, or there are fewer than 20.
    """
    size = read_settings(model).image_size
    generator = np.random.default_rng(seed)
    entries = [entry for entry in images.entries if entry.section == "training"]
    if len(entries) > _MOST_IMAGES:
        entries = [entries[index] for index in np.sort(generator.permutation(len(entries))[:_MOST_IMAGES])]
    load, degrade = _Load(size), RandWidePoorQuality(prob=1.0)
    degrade.set_random_state(seed=seed)
    clean = [load(entry.image) for entry in entries]
    groups = [entry.patient or entry.image for entry in entries]
    good = [image for entry, image in zip(entries, clean) if entry.domain == "good"][:_MOST_GOOD]
    poor = [torch.as_tensor(degrade(image)).as_subclass(torch.Tensor).clamp(0, 1) for image in clean]
    others = [
        load(path) for given in map(Path, unseen) for path in ([given] if given.is_file() else list_images(given))
    ]
    check = RestorationCheck.fit([*clean, *poor], good, [*groups, *groups], others, size)
    annotate_model(model, statistics=check.to_statistics())
    return check


def add_statistics_after_training(model: str | os.PathLike, images: Datalist, seed: int = 0) -> None:
    """`add_statistics` at a run's end, by the first process; where images are too few, the log says so instead."""
    if process_rank() > 0 or not Path(model).is_file():
        return
    try:
        add_statistics(model, images, seed=seed)
    except InputError as error:
        _LOGGER.warning(f"{model}: nothing will be flagged as unfamiliar: {error}")


class _Load:
    """Reads an image as ``(1, rows, columns)`` in [0, 1] with a shorter side of `size`."""

    def __init__(self, size: int) -> None:
        self.read, self.resize = LoadRadiograph(), ResizeShortest(size)

    def __call__(self, path: str | os.PathLike) -> torch.Tensor:
        return torch.as_tensor(self.resize(self.read(path))).as_subclass(torch.Tensor).clamp(0, 1)

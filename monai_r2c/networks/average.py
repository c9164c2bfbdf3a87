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

import os
from collections.abc import Sequence

import torch

from monai_r2c.utils import InputError

from .model_file import load_restorer, save_model


def average_models(paths: Sequence[str | os.PathLike], output: str | os.PathLike) -> None:
    """Write the mean of the weights of models that were trained on from one and the same model.

    Each of them has wandered off from where it started, some of the way by chance. The mean keeps what they have in
    common, and mostly restores better than each of them, at the price of one. Models that started apart have nothing
    in common, and their mean restores nothing.

    Args:
        paths: of two or more model files of one architecture and the same classes.
        output: file to write; it holds the restorer alone, without notes and statistics, which are of the parts.

    Raises:
        InputError: when a file is missing or no model file, there are fewer than two, or they differ in more than
            their weights.

    Source: M. Wortsman et al., "Model soups", arXiv:2203.05482.
    """
    if len(paths) < 2:
        raise InputError(f"{len(paths)} model files are given; a mean needs two or more.")
    (network, settings), *others = (load_restorer(path) for path in paths)
    for path, (_, other) in zip(paths[1:], others):
        for name in ("generator", "classes", "image_size"):
            if getattr(other, name) != getattr(settings, name):
                raise InputError(
                    f"{path}: has another {name} than {paths[0]}; a mean is of models trained on from the same one."
                )
    states = [network.state_dict(), *(other.state_dict() for other, _ in others)]
    means = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    network.load_state_dict(means)
    save_model(output, network, settings.classes, settings.image_size)

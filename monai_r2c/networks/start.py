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
from typing import Any

import torch
import torch.nn as nn

from monai_r2c.utils import InputError

from .model_file import has_degrader, load_degrader, load_restorer, read_settings
from .nets import NativeGeneratorBase
from .views import Restorer, as_restorer, build_generator

_LOGGER = logging.getLogger("monai_r2c.training")


def start_from(path: str | os.PathLike, restorer: nn.Module, degrader: nn.Module | None = None) -> None:
    """Give networks, in place, the weights of a model file, to train on from there.

    The class head keeps its own weights where the model has another number of classes, which the log says; so does
    the degrader where the file holds none.

    A native network takes the weights of a restorer of thumbnails as its `whole`; its local network then starts anew.
    A wrapped network with `gray_levels` takes those of one without, and gives the same images until it learns more.

    Args:
        path: of the model file, or ``box`` for the one that comes with the package.
        restorer, degrader: of the run, as its settings build them.

    Raises:
        InputError: when the file is missing or no model file, or its network is another than the run's.
    """
    trained, settings = load_restorer(path)
    if isinstance(restorer, NativeGeneratorBase) and not settings.keeps_native_detail:
        restorer = restorer.whole  # the local network starts anew
    _take(path, restorer, trained)
    has = degrader is not None and has_degrader(path)
    if degrader is not None and has:
        _take(path, degrader, load_degrader(path))
    networks = "restorer and degrader" if has else "restorer"
    _LOGGER.info(f"{networks} start from {path}, trained on {', '.join(settings.classes)}")


def restorer_like(path: str | os.PathLike, num_classes: int) -> Restorer:
    """Build a new restorer of a model's architecture, to be trained on from it; its weights come with `start_from`.

    Args:
        path: of the model file, or ``box`` for the one that comes with the package.
        num_classes: of the restorer.

    Raises:
        InputError: when the file is missing or no model file.
    """
    settings = read_settings(path).generator
    if "whole" in settings:
        return as_restorer(build_generator({**settings, "whole": {**settings["whole"], "num_classes": num_classes}}))
    return as_restorer(build_generator({**settings, "num_classes": num_classes}))


def thumbnail_settings(path: str | os.PathLike, num_classes: int) -> dict[str, Any]:
    """Return the arguments that build a model's network of the working size: what `NativeGenerator` takes as `whole`.

    Args:
        path: of the model file, or ``box`` for the one that comes with the package; a native model's own `whole` is
            taken.
        num_classes: of the network to be built.

    Raises:
        InputError: when the file is missing or no model file.
    """
    settings = read_settings(path).generator
    return {**settings.get("whole", settings), "num_classes": num_classes}


def _take(path: str | os.PathLike, network: nn.Module, trained: nn.Module) -> None:
    own, given = network.state_dict(), trained.state_dict()
    if _gray_levels(network) > 0 == _gray_levels(trained):
        given = {
            name: _with_further_inputs(value, own[name]) if name in own else value for name, value in given.items()
        }
    names = sorted(own.keys() | given.keys())
    other = [n for n in names if n not in own or n not in given or own[n].shape != given[n].shape]
    if other and all(
        name.removeprefix("whole.").startswith("head.") and name in own and name in given for name in other
    ):
        _LOGGER.warning(f"{path}: has another number of classes, so the class head starts anew")
        given = {name: own[name] if name in other else value for name, value in given.items()}
    elif other:
        raise InputError(
            f"start_from: the network of {path} is another than the run's ({len(other)} of {len(names)} weights "
            f"differ, such as {other[0]}); give its settings (variant, order, features, channels, network_def; that of "
            "the box is in configs/finetune.yaml) or another model."
        )
    network.load_state_dict(given)


def _gray_levels(network: nn.Module) -> int:
    return getattr(getattr(network, "whole", network), "gray_levels", 0)


def _with_further_inputs(weight: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """A kernel whose further input channels, which come after the given ones, have no effect yet."""
    missing = own.shape[1] - weight.shape[1] if weight.dim() == own.dim() > 1 else 0
    if missing <= 0:
        return weight
    return torch.cat([weight, weight.new_zeros(weight.shape[0], missing, *weight.shape[2:])], 1)

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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn

from monai_r2c.utils import InputError

from .nets import R2CGenerator, R2CGeneratorBase
from .placement import to_device

_FORMAT = "monai_r2c model 1"


@dataclass(frozen=True)
class ModelSettings:
    """What a model file says of itself, so that nobody has to say it again.

    Args:
        generator: arguments of `R2CGenerator` that build the restorer.
        classes: names of the classes, in the order of the logits.
        image_size: rows and columns of the square images it was trained on, in pixels.
    """

    generator: Mapping[str, Any]
    classes: tuple[str, ...]
    image_size: int

    @property
    def variant(self) -> str:
        """Architecture: operational, convolutional or convolutional_light."""
        return str(self.generator["variant"])

    @property
    def order(self) -> int:
        """Highest power of the operational layers; 1 for plain ones."""
        return int(self.generator["order"])

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return int(self.generator["in_channels"])


def save_model(
    path: str | os.PathLike,
    restorer: R2CGeneratorBase,
    classes: tuple[str, ...] | list[str],
    image_size: int,
    **others: nn.Module,
) -> None:
    """Write a model file: the restorer's weights with all that is needed to build it again. Replaces the file at once.

    Args:
        path: of the file, usually ``model.pt``; its folder is made.
        restorer: an `R2CGenerator`.
        classes, image_size: see `ModelSettings`.
        others: further networks by name (``degrader``, ``poor_discriminator``, ``good_discriminator``), whose weights
            are kept beside.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        "format": _FORMAT,
        "generator": restorer.get_settings(),
        "classes": list(classes),
        "image_size": int(image_size),
        "restorer": _weights(restorer),
    }
    contents |= {name: _weights(network) for name, network in others.items()}
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:  # given a path, torch would hide why a write failed
            torch.save(contents, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_settings(path: str | os.PathLike) -> ModelSettings:
    """Read what a model file says of itself.

    Raises:
        InputError: when the file is missing or is not a model file.
    """
    return _settings(_read(path))


def load_restorer(
    path: str | os.PathLike,
    variant: str | None = None,
    order: int | None = None,
    channels: int | None = None,
    device: torch.device | str = "cpu",
) -> tuple[R2CGenerator, ModelSettings]:
    """Build the restorer of a model file and load its weights.

    Args:
        path: of the model file.
        variant, order, channels: what the model must have; None accepts what it has.
        device: where the network goes.

    Returns:
        The network in evaluation mode and the settings of the file.

    Raises:
        InputError: when the file is missing, is not a model file, or has another variant, order or channel count.
    """
    contents = _read(path)
    settings = _settings(contents)
    for key, wanted in (("variant", variant), ("order", order), ("channels", channels)):
        found = getattr(settings, key)
        if wanted is not None and wanted != found:
            raise InputError(
                f"{path}: the model has {key} {found}, not {wanted}; give --{key} {found} or another model."
            )
    network = R2CGenerator(**settings.generator)
    network.load_state_dict(contents["restorer"])
    return to_device(network, device).eval(), settings


def load_degrader(path: str | os.PathLike, device: torch.device | str = "cpu") -> R2CGenerator:
    """Build the degrader that a model file holds beside its restorer, in evaluation mode.

    Raises:
        InputError: when the file is missing, is not a model file, or holds no degrader.
    """
    contents = _read(path)
    if "degrader" not in contents:
        raise InputError(f"{path}: the model file holds no degrader; expected one that training wrote.")
    network = R2CGenerator(**contents["generator"])
    network.load_state_dict(contents["degrader"])
    return to_device(network, device).eval()


def has_degrader(path: str | os.PathLike) -> bool:
    """Whether a model file holds a degrader beside its restorer; one imported or exported alone does not.

    Raises:
        InputError: when the file is missing or is not a model file.
    """
    return "degrader" in _read(path)


def _weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu() for name, value in network.state_dict().items()}


def _read(path: str | os.PathLike) -> dict[str, Any]:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no model file there; train first, or give the path of a model.pt.")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its unpickler meets
        raise InputError(
            f"{path}: cannot be read as a model file ({type(error).__name__}); expected a model.pt."
        ) from error
    if not isinstance(contents, dict) or contents.get("format") != _FORMAT:
        raise InputError(f"{path}: is not a model file of monai_r2c; expected a model.pt that training wrote.")
    return contents


def _settings(contents: Mapping[str, Any]) -> ModelSettings:
    return ModelSettings(contents["generator"], tuple(contents["classes"]), contents["image_size"])

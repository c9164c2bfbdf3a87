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
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn

from monai_r2c.utils import InputError
from monai_r2c.utils.extras import require_for_onnx_export
from monai_r2c.utils.files import replaced_at_once

from .box import box_path, model_digest, model_path
from .nets import GeneratorBase, R2CRestorer
from .placement import to_device
from .views import Generator, Restorer, as_restorer, build_generator

_FORMAT = "monai_r2c model 2"
_NESTED_FORMAT = "monai_r2c model 1"  # a dictionary that held the restorer's weights beside the rest
_ENTRY = "monai_r2c"
# what a network is built as where there is no model file yet: the defaults of the bundle's training
_DEFAULT: dict[str, Any] = {"spatial_dims": 2, "class_features": "preactivation"}


@dataclass(frozen=True)
class ModelSettings:
    """What a model file says of itself, so that nobody has to say it again.

    Args:
        generator: arguments that build the restorer, as `build_generator` takes them.
        classes: names of the classes, in the order of the logits.
        image_size: rows and columns of the square images it was trained on, in pixels.
        notes: what people should know of it: its ``name``, and what it was ``trained_on``; of most models nothing.
        statistics: of the training images, by what they are for: numbers and tensors by name, such as
            `monai_r2c.handlers.add_statistics` keeps; of most models nothing.
    """

    generator: Mapping[str, Any]
    classes: tuple[str, ...]
    image_size: int
    notes: Mapping[str, str] = field(default_factory=dict)
    statistics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)

    @property
    def variant(self) -> str:
        """Architecture, one of operational, convolutional, convolutional_light; of a wrapped network its name."""
        return str(self._whole["network" if "network" in self._whole else "variant"])

    @property
    def order(self) -> int:
        """Highest power of the operational layers; 1 for plain ones."""
        return int(self._whole["order"] or 1)

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return int(self._whole["in_channels"])

    @property
    def keeps_native_detail(self) -> bool:
        """Whether the restorer is to be given images at their own size: a `NativeGenerator`."""
        return "whole" in self.generator

    @property
    def _whole(self) -> Mapping[str, Any]:
        """Arguments of the network that sees the whole image."""
        return self.generator.get("whole", self.generator)


def save_model(
    path: str | os.PathLike,
    restorer: GeneratorBase,
    classes: tuple[str, ...] | list[str],
    image_size: int,
    **others: nn.Module,
) -> None:
    """Write a model file: the restorer's state dict, which says of itself what is needed to build it again.

    Any tool that loads state dicts takes the file as it is. The rest stands where torch keeps what is about a state
    dict and not in it: ``torch.load(path)._metadata["monai_r2c"]``. Replaces the file at once.

    Args:
        path: of the file, usually ``model.pt``; its folder is made.
        restorer: an `R2CGenerator`, a `WrappedGenerator` or a `NativeGenerator`, or one of their one-tensor views.
        classes, image_size: see `ModelSettings`.
        others: further networks by name (``degrader``, ``poor_discriminator``, ``good_discriminator``), whose weights
            are kept beside.
    """
    about = {
        "format": _FORMAT,
        "generator": restorer.get_settings(),
        "classes": list(classes),
        "image_size": int(image_size),
        "others": {name: _weights(network) for name, network in others.items()},
    }
    _write(path, _weights(restorer), about)


def annotate_model(
    path: str | os.PathLike,
    notes: Mapping[str, str] | None = None,
    statistics: Mapping[str, Mapping[str, Any]] | None = None,
    output: str | os.PathLike | None = None,
    others: bool = True,
) -> None:
    """Add to what a model file says of itself; the weights stay as they are.

    Args:
        path: of the model file.
        notes, statistics: see `ModelSettings`; they replace what the file has under the same names.
        output: file to write; None replaces `path` at once.
        others: whether the networks beside the restorer are kept.

    Raises:
        InputError: when the file is missing or is not a model file.
    """
    contents = _read(path)
    settings = contents.settings
    about = {
        "format": _FORMAT,
        "generator": dict(settings.generator),
        "classes": list(settings.classes),
        "image_size": settings.image_size,
        "others": dict(contents.others) if others else {},
        "notes": {**settings.notes, **(notes or {})},
        "statistics": {**settings.statistics, **(statistics or {})},
    }
    weights = OrderedDict(contents.restorer)
    weights._metadata = dict(getattr(contents.restorer, "_metadata", {}))  # type: ignore[attr-defined]
    _write(model_path(path) if output is None else output, weights, about)


def _write(path: str | os.PathLike, weights: OrderedDict[str, torch.Tensor], about: Mapping[str, Any]) -> None:
    weights._metadata[_ENTRY] = dict(about)  # type: ignore[attr-defined]
    # given a path, torch would hide why a write failed
    with replaced_at_once(Path(path)) as partial, partial.open("wb") as file:
        torch.save(weights, file)


def describe_model(path: str | os.PathLike) -> str:
    """Say in one line which model a file is: its name, SHA-256 and what it was trained on, or its path and classes.

    Raises:
        InputError: when the file is missing or is not a model file.
    """
    settings, digest = read_settings(path), model_digest(path)[:12]
    if "name" not in settings.notes:
        return f"Model: {path} (SHA-256 {digest}), classes {', '.join(settings.classes)}; for research only."
    trained_on = settings.notes.get("trained_on", "images that it does not name")
    return f"Model: {settings.notes['name']} (SHA-256 {digest}), trained on {trained_on}; for research only."


def find_model(*folders: str | os.PathLike) -> str:
    """Return the first ``model.pt`` that there is in the folders, such as those of a run and of a bundle's models.

    Where there is none, return that of the box (`box_path`), which comes with the package; but of the folder of a run
    that has none yet return where it would be, so that no other model takes its place unasked.
    """
    for folder in map(Path, folders):
        if (folder / "model.pt").is_file() or (folder / "configuration.json").is_file():
            return str(folder / "model.pt")
    return str(box_path())


def read_settings(path: str | os.PathLike) -> ModelSettings:
    """Read what a model file says of itself.

    Raises:
        InputError: when the file is missing or is not a model file.
    """
    return _read(path).settings


def build_restorer(
    path: str | os.PathLike,
    variant: str | None = None,
    order: int | None = None,
    channels: int | None = None,
    features: int | None = None,
) -> Restorer:
    """Build the restorer of a model file, with its weights; where there is no file yet, the bundle's, untrained.

    That is the network that exports need, one image in and one out, on the CPU, in evaluation mode. `load_restorer`
    wants the file.

    Args:
        path: of the model file.
        variant, order, channels, features: what the model must have; None accepts what it has. Without a file, the
            network's; None is the default of the bundle's training.

    Raises:
        InputError: when there is a file, but it is not a model file or has another architecture; in ``onnx_export``
            also when the extra that it needs is missing.
    """
    require_for_onnx_export()
    wanted = {"variant": variant, "order": order, "channels": channels, "features": features}
    if model_path(path).is_file():
        contents = _read(path)
        _require(path, contents.settings, wanted)
        return as_restorer(_build(path, contents.settings, contents.restorer)).eval()
    given = {"in_channels" if key == "channels" else key: value for key, value in wanted.items() if value is not None}
    return R2CRestorer(**{**_DEFAULT, **given}).eval()


def load_restorer(
    path: str | os.PathLike,
    variant: str | None = None,
    order: int | None = None,
    channels: int | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Generator, ModelSettings]:
    """Build the restorer of a model file and load its weights.

    Args:
        path: of the model file, or ``box`` for the one that comes with the package.
        variant, order, channels: what the model must have; None accepts what it has.
        device: where the network goes.

    Returns:
        The network in evaluation mode and the settings of the file.

    Raises:
        InputError: when the file is missing, is not a model file, or has another variant, order or channel count.
    """
    contents = _read(path)
    _require(path, contents.settings, {"variant": variant, "order": order, "channels": channels})
    network = _build(path, contents.settings, contents.restorer)
    return to_device(network, device).eval(), contents.settings


def load_degrader(path: str | os.PathLike, device: torch.device | str = "cpu") -> Generator:
    """Build the degrader that a model file holds beside its restorer, in evaluation mode.

    Raises:
        InputError: when the file is missing, is not a model file, or holds no degrader.
    """
    contents = _read(path)
    if "degrader" not in contents.others:
        raise InputError(f"{path}: the model file holds no degrader; expected one that training wrote.")
    return to_device(_build(path, contents.settings, contents.others["degrader"]), device).eval()


def has_degrader(path: str | os.PathLike) -> bool:
    """Whether a model file holds a degrader beside its restorer; one imported or exported alone does not.

    Raises:
        InputError: when the file is missing or is not a model file.
    """
    return "degrader" in _read(path).others


@dataclass(frozen=True)
class _Contents:
    settings: ModelSettings
    restorer: Mapping[str, torch.Tensor]
    others: Mapping[str, Mapping[str, torch.Tensor]]


def _weights(network: nn.Module) -> OrderedDict[str, torch.Tensor]:
    weights = network.state_dict()
    for name, value in weights.items():
        weights[name] = value.detach().cpu()
    return weights  # type: ignore[return-value]


def _read(path: str | os.PathLike) -> _Contents:
    path = model_path(path)
    if not path.is_file():
        raise InputError(f"{path}: no model file there; train first, or give the path of a model.pt.")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its unpickler meets
        raise InputError(
            f"{path}: cannot be read as a model file ({type(error).__name__}); expected a model.pt."
        ) from error
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: is not a model file of monai_r2c; expected a model.pt that training wrote.")
    about = getattr(loaded, "_metadata", {}).get(_ENTRY, {})
    try:
        if about.get("format") == _FORMAT:
            return _Contents(_settings(about), loaded, about["others"])
        if loaded.get("format") == _NESTED_FORMAT:
            others = {name: value for name, value in loaded.items() if isinstance(value, Mapping)}
            restorer = others.pop("restorer")
            others.pop("generator")
            return _Contents(_settings(loaded), restorer, others)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: is a damaged model file ({error!r}); expected one that training wrote.") from error
    found = about.get("format", loaded.get("format"))
    if isinstance(found, str):
        raise InputError(
            f"{path}: was written by another version ({found}); this one reads {_NESTED_FORMAT} and {_FORMAT[-1]}."
        )
    if loaded and all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise InputError(
            f"{path}: is a state dict that does not say its architecture and classes; expected a model.pt that "
            "training or monai_r2c.networks.save_model wrote."
        )
    raise InputError(f"{path}: is not a model file of monai_r2c; expected a model.pt that training wrote.")


def _settings(contents: Mapping[str, Any]) -> ModelSettings:
    return ModelSettings(
        dict(contents["generator"]),
        tuple(contents["classes"]),
        contents["image_size"],
        dict(contents.get("notes", {})),
        dict(contents.get("statistics", {})),
    )


def _require(path: str | os.PathLike, settings: ModelSettings, wanted: Mapping[str, Any]) -> None:
    for key, value in wanted.items():
        if value is None:
            continue
        if key == "features" and key not in settings.generator:
            raise InputError(f"{path}: the model is a {settings.variant}, which has no features; leave out --features.")
        found = settings.generator["features"] if key == "features" else getattr(settings, key)
        if value != found:
            raise InputError(
                f"{path}: the model has {key} {found}, not {value}; give --{key} {found} or another model."
            )


def _build(path: str | os.PathLike, settings: ModelSettings, weights: Mapping[str, torch.Tensor]) -> Generator:
    try:
        network = build_generator(settings.generator)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: its network cannot be built ({error}); expected one of this version.") from error
    _fill(path, network, settings, weights)
    return network


def _fill(
    path: str | os.PathLike, network: nn.Module, settings: ModelSettings, weights: Mapping[str, torch.Tensor]
) -> None:
    own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in weights.items()}
    wrong = sorted(name for name in own.keys() | given.keys() if own.get(name) != given.get(name))
    if wrong:  # before the first weight is touched
        raise InputError(
            f"{path}: its weights do not fit the {settings.variant} network of order {settings.order} that it "
            f"describes: {len(wrong)} of {len(own.keys() | given)} differ, such as {wrong[0]}; expected one that "
            "training wrote."
        )
    network.load_state_dict(weights)

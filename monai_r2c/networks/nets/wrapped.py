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

import functools
import math
from collections.abc import Mapping
from pydoc import locate
from typing import Any, cast

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.bundle import ComponentLocator, ConfigComponent

from monai_r2c.utils.errors import in_one_line

from ..blocks import ClassHead, with_gray_levels
from ..convert import to_operational
from .checks import check_image
from .image_alone import ImageAlone

# long enough for five halvings of the size
_PROBE = {1: 64, 2: 64, 3: 32}


class WrappedGeneratorBase(nn.Module):
    """What the wrapped generator and its one-tensor view share; its documentation is that of `WrappedGenerator`."""

    has_decoder = True

    def __init__(
        self,
        network: str,
        arguments: Mapping[str, Any] | None = None,
        spatial_dims: int = 2,
        in_channels: int = 1,
        num_classes: int = 2,
        class_layer: str | None = None,
        class_pooling: str = "mean_max",
        residual: bool = False,
        order: int | None = None,
        gray_levels: int = 0,
    ) -> None:
        super().__init__()
        arguments = dict(arguments or {})
        if gray_levels < 0:
            raise ValueError(f"gray_levels must be at least 0, got {gray_levels}.")
        seen = (1 + gray_levels) * in_channels
        common = {"spatial_dims": spatial_dims, "in_channels": seen, "out_channels": in_channels}
        body = _instantiated(network, {**common, **arguments})
        self.body = body if order is None else to_operational(body, order, bounded="tanh")
        self.network, self.arguments = network, arguments
        self.spatial_dims, self.in_channels, self.num_classes = spatial_dims, in_channels, num_classes
        self.class_pooling, self.residual, self.order = class_pooling, residual, order
        self.gray_levels = gray_levels
        layers = _output_shapes(self.body, network, seen, in_channels, spatial_dims)
        self.class_layer = _deepest(layers) if class_layer is None else class_layer
        if self.class_layer not in layers:
            raise ValueError(
                f"class_layer must name a layer of {network} that gives a feature map, such as {_deepest(layers)}, "
                f"got {class_layer!r}."
            )
        self.feature_layer = f"body.{self.class_layer}"
        self.size_multiple = max(_PROBE[spatial_dims] // min(shape[2:]) for shape in layers.values())
        self.features = _Features()
        self.body.get_submodule(self.class_layer).register_forward_hook(self.features)
        self.head = ClassHead(layers[self.class_layer][1], num_classes, class_pooling)

    def translate(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the translated image and the features that the class head reads."""
        check_image(list(image.shape), self.in_channels, self.spatial_dims)
        whole = _padded(image, self.size_multiple)
        output = self.body(with_gray_levels(whole, self.gray_levels))
        features = self.features.take()
        output = whole + output if self.residual else torch.tanh(output)
        size = image.shape[2:]
        for axis, length in enumerate(size, start=2):
            output = output.narrow(axis, 0, length)
        # a sum may leave the range a little; in training the loss sees by how much. The views of a network share its
        # body, and with it the mode
        return (output if self.body.training else output.clamp(-1, 1)), features

    def get_settings(self) -> dict[str, Any]:
        """Return the arguments that build this network again, as plain values."""
        names = (
            "network arguments spatial_dims in_channels num_classes class_layer class_pooling residual order "
            "gray_levels"
        )
        return {name: getattr(self, name) for name in names.split()}


class WrappedGenerator(WrappedGeneratorBase):
    """Any image-to-image network as restorer or degrader: it translates an image and classifies its input.

    Args:
        network: its class, as ``_target_`` of a MONAI config names it: UNet, BasicUNet, SegResNet, Restormer, or a
            dotted path. It is called with `spatial_dims`, `in_channels` and `out_channels` beside `arguments`.
        arguments: further ones of the network, as plain values.
        spatial_dims: 1, 2 or 3.
        in_channels: of the images.
        num_classes: number of logits.
        class_layer: name of the layer, as of ``named_modules()``, whose output the class head reads; None takes the
            one whose output is smallest in size and has most channels, which sees the largest part of the image.
        class_pooling: ``max``, ``mean`` or ``mean_max``.
        residual: whether the network's output is added to the image; otherwise it goes through tanh.
        order: turns the network into an operational one of this order (`to_operational`, bounded by tanh); None leaves
            it as it is.
        gray_levels: number of maps beside the image from which a network whose norms take an image's mean and contrast
            away can tell its exposure: see `monai_r2c.networks.blocks.with_gray_levels`. `in_channels` of `network` is
            so many times larger, and one more.

    Shape:
        Input ``(batch, in_channels, *spatial)`` in [-1, 1]; output the pair of the image of the same shape, in [-1, 1]
        (while training a residual one may leave it), and the logits ``(batch, num_classes)``. Sizes that the network
        does not take are filled up by repeating the border, and the result is cropped.

    Raises:
        ValueError: when `network` names none, takes images of one fixed size only that is not 64, changes the image's
            size, gives another thing than one tensor, or has no such layer.

    Example:
        >>> unet = WrappedGenerator("UNet", {"channels": (16, 32, 64), "strides": (2, 2)})
        >>> image, logits = unet(torch.zeros(1, 1, 50, 70))
        >>> image.shape, logits.shape
        (torch.Size([1, 1, 50, 70]), torch.Size([1, 2]))
    """

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        translated, features = self.translate(image)
        return translated, self.head(features)


class WrappedRestorer(WrappedGeneratorBase, ImageAlone):
    """The wrapped generator as a restorer alone: gives the translated image only. Arguments of `WrappedGenerator`."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.translate(image)[0]


class _Features:
    """Forward hook that keeps a layer's output until it is taken; a copied network has its own."""

    def __init__(self) -> None:
        self.kept: list[torch.Tensor] = []

    def __call__(self, module: nn.Module, args: Any, output: torch.Tensor) -> None:
        self.kept = [output]  # whoever ends a pass here does not take it

    def take(self) -> torch.Tensor:
        kept, self.kept = self.kept, []
        if not kept:
            raise ValueError("class_layer: this layer was left out of a pass; name one that each pass goes through.")
        return kept[-1]


def _instantiated(network: str, arguments: Mapping[str, Any]) -> nn.Module:
    try:
        component = ConfigComponent({"_target_": network, **arguments}, locator=_locator())
        kind = locate(component.resolve_module_name())
        # a model file says the name: what is no network must not be called
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise ValueError(f"network must name the class of a network, such as UNet, got {network!r}.")
        return cast(nn.Module, component.instantiate())
    except (RuntimeError, TypeError, AttributeError, ImportError) as error:  # MONAI's own message leaves out the cause
        raise ValueError(f"{network}: cannot be built with {dict(arguments)}: {error.__cause__ or error}") from error


@functools.cache
def _locator() -> ComponentLocator:
    """MONAI's table of its classes, which takes a second to make."""
    return ComponentLocator()


def _padded(image: torch.Tensor, multiple: int) -> torch.Tensor:
    missing = [-length % multiple for length in image.shape[2:]]
    if not any(missing):
        return image
    return F.pad(image, [end for length in reversed(missing) for end in (0, length)], mode="replicate")


def _output_shapes(
    body: nn.Module, name: str, seen: int, channels: int, spatial_dims: int
) -> dict[str, tuple[int, ...]]:
    """Shapes of the feature maps that layers give for a small image, by layer, in the order in which they end."""
    shapes: dict[str, tuple[int, ...]] = {}

    def note(layer: str, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.dim() == spatial_dims + 2:
            shapes.pop(layer, None)
            shapes[layer] = tuple(output.shape)

    hooks = [
        module.register_forward_hook(lambda module, args, output, layer=layer: note(layer, output))
        for layer, module in body.named_modules()
        if layer
    ]
    size = [_PROBE[spatial_dims]] * spatial_dims
    expected = (1, channels, *size)
    training = body.training
    try:
        with torch.no_grad():
            output = body.eval()(torch.zeros(1, seen, *size))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise ValueError(f"{name}: cannot restore an image of {size} pixels: {in_one_line(str(error))}") from error
    finally:
        body.train(training)
        for hook in hooks:
            hook.remove()
    if not isinstance(output, torch.Tensor):
        raise ValueError(f"{name}: must give one tensor, the image; it gave a {type(output).__name__}.")
    if output.shape != expected:
        raise ValueError(
            f"{name}: must keep the image's channels and size; of {expected} it made {tuple(output.shape)}."
        )
    return shapes


def _deepest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    def depth(layer: str) -> tuple[int, int]:
        return -math.prod(shapes[layer][2:]), shapes[layer][1]

    # the last of equals is the outermost
    return max(reversed(list(shapes)), key=depth)

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

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.networks import eval_mode

from monai_r2c.utils import InputError

from .input_range import from_unit_range


class LayerFeatures:
    """Gives the output of one layer of any network, pooled over its spatial positions, as features of the image.

    The network is run up to the layer's first output and no further.

    Args:
        network: such as a discriminator, a restorer or a classifier of the user's own; it is run in evaluation mode.
        layer: name of the layer as in ``network.named_modules()``, such as ``trunk`` of `R2CGenerator` or ``layers.1``
            of `R2CDiscriminator`.
        input_range: what the network's input must be scaled to.
        size: images are resized to this many pixels on their shorter side first; None leaves them as they are.
        pooling: ``mean``, or ``max``, which tells more where a layer ends with instance norm, as `R2CGenerator`'s does.

    Raises:
        InputError: when the network has no such layer or there is no such pooling; on a call, when the layer takes no
            part in it.

    Example:
        >>> LayerFeatures(R2CDiscriminator(2), "layers.1")(torch.rand(4, 1, 64, 64)).shape
        torch.Size([4, 128])
    """

    def __init__(
        self,
        network: nn.Module,
        layer: str,
        input_range: Sequence[float] = (-1.0, 1.0),
        size: int | None = None,
        pooling: str = "mean",
    ) -> None:
        modules = dict(network.named_modules())
        if layer not in modules:
            raise InputError(
                f"layer: {type(network).__name__} has no {layer!r}; it has {', '.join(filter(None, modules))}."
            )
        if pooling not in ("mean", "max"):
            raise InputError(f"pooling: must be mean or max, got {pooling!r}.")
        self.pooling = pooling
        self.network, self.layer, self.module = network, layer, modules[layer]
        self.input_range, self.size = input_range, size

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Features ``(batch, channels of the layer)``, float64 on the CPU, of images ``(batch, ...)`` in [0, 1]."""
        images = from_unit_range(images, self.input_range, self.network)
        if self.size is not None and min(images.shape[2:]) != self.size:
            scale = self.size / min(images.shape[2:])
            wanted = [max(self.size, round(length * scale)) for length in images.shape[2:]]
            images = F.interpolate(images, wanted, mode="bilinear", antialias=True)
        hook = self.module.register_forward_hook(_stop)
        try:
            with eval_mode(self.network), torch.no_grad():
                self.network(images)
            raise InputError(f"layer: {self.layer!r} takes no part when {type(self.network).__name__} is called.")
        except _FoundError as found:
            output = found.output.double().cpu()
        finally:
            hook.remove()
        if output.ndim == 2:
            return output
        return output.flatten(2).mean(2) if self.pooling == "mean" else output.flatten(2).amax(2)


class _FoundError(Exception):
    """Ends a pass with what it was made for."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = output


def _stop(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
    raise _FoundError(output)

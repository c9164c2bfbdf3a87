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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from torch.nn.modules.conv import _ConvNd

from monai_r2c.utils import InputError

from .layers.operational import OperationalLayer
from .nets import R2CDiscriminator, R2CGenerator, R2CGeneratorBase

_TO_TORCH = (3, 2, 0, 1)  # kernels HWIO -> OIHW, and transposed ones HWOI -> IOHW


@dataclass(frozen=True)
class _Variable:
    """One Keras variable and where its values go, a view of a torch parameter."""

    name: str
    target: torch.Tensor
    kernel: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape that Keras gives it."""
        shape = tuple(self.target.shape)
        if not self.kernel:
            return shape
        return shape[::-1] if len(shape) == 2 else (shape[2], shape[3], shape[1], shape[0])


@torch.no_grad()
def load_published_arrays(
    network: R2CGeneratorBase | R2CDiscriminator, arrays: Sequence[np.ndarray], names: Sequence[str] | None = None
) -> None:
    """Load the weights of a published TensorFlow network into `network`, in place.

    Args:
        network: of the same variant, order, channels and classes, with 2 spatial dimensions.
        arrays: the Keras variables in Keras order (``model.get_weights()``): layer by layer kernel and bias or gamma
            and beta, kernels as HWIO (transposed: HWOI); an operational layer as its q convolutions one after the
            other, whose q biases are summed into one; the class head, the only dense layer, wherever it stands.
        names: names of the arrays, for messages.

    Raises:
        InputError: when a variable is missing or left over, or has another shape; the network is then unchanged.
    """
    if isinstance(network, R2CGeneratorBase) and not network.has_decoder:
        whole = R2CGenerator(**network.get_settings())
        load_published_arrays(whole, arrays, names)
        network.load_state_dict(whole.state_dict())
        return
    variables = list(_keras_variables(network))
    names = [f"array {i}" for i in range(len(arrays))] if names is None else names
    if len(arrays) == len(variables):
        arrays, names = _head_last(arrays), _head_last(names, arrays)
    for variable, array, name in zip(variables, arrays, names):
        if variable.shape != tuple(array.shape):
            needed = f"{variable.name} of {_describe(network)} needs {variable.shape}"
            raise InputError(f"{name}: shape {tuple(array.shape)} where {needed}.")
    if len(arrays) < len(variables):
        missing = variables[len(arrays)]
        raise InputError(
            f"{missing.name} of {_describe(network)}, shape {missing.shape}, is missing: "
            f"{len(arrays)} variables given, {len(variables)} needed."
        )
    if len(arrays) > len(variables):
        extra = len(variables)
        left_over = f"{names[extra]}: left over, shape {tuple(arrays[extra].shape)}"
        raise InputError(f"{left_over}; {_describe(network)} has {extra} variables.")
    for variable in variables:
        variable.target.zero_()
    for variable, array in zip(variables, arrays):
        values = torch.from_numpy(np.asarray(array, dtype=np.float32))
        if variable.kernel:
            values = values.T if values.ndim == 2 else values.permute(_TO_TORCH)
        variable.target.add_(values)  # added, since the q biases of a layer share one target


def _head_last(values: Sequence[Any], arrays: Sequence[np.ndarray] | None = None) -> list[Any]:
    """Move what belongs to the dense layer (the only two-dimensional array, and its bias) to the end."""
    dense = [i for i, array in enumerate(values if arrays is None else arrays) if np.ndim(array) == 2][:1]
    head = {i for start in dense for i in (start, start + 1)}
    return [v for i, v in enumerate(values) if i not in head] + [v for i, v in enumerate(values) if i in head]


def _keras_variables(network: R2CGeneratorBase | R2CDiscriminator) -> Iterator[_Variable]:
    for name, layer in _layers_in_keras_order(network):
        if isinstance(layer, _ConvNd):
            powers = layer.kernels_by_power() if isinstance(layer, OperationalLayer) else layer.weight[None]
            for power, kernel in enumerate(powers, start=1):
                label = f"{name} (power {power})" if len(powers) > 1 else name
                yield _Variable(f"kernel of {label}", kernel, kernel=True)
                if layer.bias is not None:
                    yield _Variable(f"bias of {label}", layer.bias, kernel=False)
        elif isinstance(layer, nn.GroupNorm):
            yield _Variable(f"gamma of {name}", layer.weight, kernel=False)
            yield _Variable(f"beta of {name}", layer.bias, kernel=False)
        elif isinstance(layer, nn.Linear):
            yield _Variable(f"kernel of {name}", layer.weight, kernel=True)
            yield _Variable(f"bias of {name}", layer.bias, kernel=False)


def _layers_in_keras_order(network: R2CGeneratorBase | R2CDiscriminator) -> Iterator[tuple[str, nn.Module]]:
    if network.spatial_dims != 2:
        raise ValueError(f"the published networks have 2 spatial dimensions, this one has {network.spatial_dims}.")
    parts = ["layers"]
    if isinstance(network, R2CGeneratorBase):
        if network.class_pooling == "mean_max":
            raise ValueError("the published class head pools one value a channel; class_pooling is mean_max here.")
        parts = ["stem", "down", "trunk", "after_head", "up", "to_image", "head"]
    for part in parts:
        yield from network.get_submodule(part).named_modules(prefix=part)


def _describe(network: R2CGeneratorBase | R2CDiscriminator) -> str:
    kind = "generator" if isinstance(network, R2CGeneratorBase) else "discriminator"
    order = f" of order {network.order}" if network.variant == "operational" else ""
    return f"the {network.variant} {kind}{order} with {network.in_channels} channels"

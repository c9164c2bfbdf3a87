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

import torch.nn as nn

from monai_r2c.utils import InputError

from .nets import GeneratorBase, NativeGeneratorBase, R2CGeneratorBase, WrappedGeneratorBase


def check_network(network: nn.Module, classes: Sequence[str], channels: int) -> None:
    """Check that a restorer of one's own choice has the classes and channels of a run.

    Args:
        network: an `R2CGenerator`, a `WrappedGenerator` or a `NativeGenerator`, or one of their one-tensor views.
        classes: names of the classes.
        channels: of the images.

    Raises:
        InputError: when it is none of these, or has another number of either.
    """
    network = check_generator(network)
    if network.num_classes != len(classes):
        names = ", ".join(classes)
        raise InputError(
            f"network_def: has {network.num_classes} classes where the images have {len(classes)}, {names}; give it "
            f"'num_classes': {len(classes)}."
        )
    if network.in_channels != channels:
        raise InputError(
            f"network_def: has {network.in_channels} channels where channels is {channels}; give it 'in_channels': "
            f"{channels}, or --channels {network.in_channels}."
        )


def check_generator(network: nn.Module) -> GeneratorBase:
    """Return the network, if it can be seen as one that gives the image alone, or the image and the logits.

    Raises:
        InputError: when it is none of R2C-GAN's generators, nor a wrapped or native network.
    """
    if isinstance(network, (R2CGeneratorBase, WrappedGeneratorBase, NativeGeneratorBase)) and network.has_decoder:
        return network
    name = type(network).__name__
    raise InputError(
        f"network_def: {name} does not restore and classify; give an R2CRestorer, or "
        f"{{'_target_': 'WrappedRestorer', 'network': '{name}', 'arguments': {{...}}}}."
    )

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

"""The training step and the inference that are measured, by the product's own trainer and restorer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn as nn
from measure import DTYPES, flops_of, saved_bytes, set_tf32

from monai_r2c.engines import R2CTrainer
from monai_r2c.networks import R2CDiscriminator, R2CGenerator, R2CRestorer

# what torch.compile is given, by name; graphs are of CUDA
COMPILED: dict[str, dict[str, str]] = {
    "no": {},
    "yes": {},
    "graphs": {"backend": "cudagraphs"},
    "compiled_graphs": {"mode": "reduce-overhead"},
}


@dataclass(frozen=True)
class Setting:
    """What is measured: ``training`` or ``inference`` of a variant in one way of running it."""

    task: str
    variant: str
    precision: str
    channels_last: bool
    compiled: str
    batch: int
    size: int
    channels: int = 1
    features: int | None = None

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


class Inference:
    """One pass of a batch through the restorer."""

    def __init__(self, setting: Setting, device: torch.device) -> None:
        torch.manual_seed(0)
        self.setting, self.device = setting, device
        self.restorer = (
            R2CRestorer(2, setting.channels, variant=setting.variant, features=setting.features)
            .to(device, memory_format=setting.memory_format)
            .eval()
        )
        _compile(self.restorer, setting.compiled)
        self.images = torch.rand(setting.batch, setting.channels, setting.size, setting.size, device=device) * 2 - 1

    @torch.inference_mode()
    def __call__(self) -> None:
        set_tf32(self.setting.precision)
        dtype = DTYPES[self.setting.precision]
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            self.restorer(self.images)


class Training:
    """Whole steps of `R2CTrainer` on one batch: both updates, pools and losses.

    `wrap` puts something around each network before the trainer gets it.
    """

    def __init__(
        self, setting: Setting, device: torch.device, wrap: Callable[[nn.Module], nn.Module] | None = None
    ) -> None:
        torch.manual_seed(0)
        self.setting = setting
        wide: dict[str, Any] = {"variant": setting.variant, "features": setting.features}
        narrow = {**wide, "features": setting.features // 2 if setting.features else 64}
        networks: dict[str, Any] = {
            "restorer": R2CGenerator(2, setting.channels, **wide),
            "degrader": R2CGenerator(2, setting.channels, **wide),
            "poor_discriminator": R2CDiscriminator(2, setting.channels, **narrow),
            "good_discriminator": R2CDiscriminator(2, setting.channels, **narrow),
        }
        self.networks = list(networks.values())
        for network in self.networks:
            network.to(device, memory_format=setting.memory_format)
            _compile(network, setting.compiled)
        generators, discriminators = self.networks[:2], self.networks[2:]
        image = torch.rand(setting.batch, setting.channels, setting.size, setting.size, device=device) * 2 - 1
        label = torch.arange(setting.batch) % 2
        batch = {"poor": image, "good": image.flip(0).neg(), "poor_label": label, "good_label": label}
        self.trainer = R2CTrainer(
            device=device,
            max_epochs=0,
            train_data_loader=[batch],
            generator_optimizer=_adam(generators),
            discriminator_optimizer=_adam(discriminators),
            precision="fp32" if setting.precision == "tf32" else setting.precision,
            **{name: wrap(network) if wrap else network for name, network in networks.items()},
        )

    def __call__(self) -> None:
        """Take one step more: an epoch of one batch."""
        set_tf32(self.setting.precision)
        torch.compiler.cudagraph_mark_step_begin()
        self.trainer.state.max_epochs += 1
        self.trainer.run()


def _compile(network: torch.nn.Module, how: str) -> None:
    if how != "no":
        network.compile(**COMPILED[how])


def _adam(networks: list[torch.nn.Module]) -> torch.optim.Optimizer:
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999), eps=1e-7, fused=True)


def build(setting: Setting, device: torch.device) -> Training | Inference:
    return (Training if setting.task == "training" else Inference)(setting, device)


@functools.cache
def count(setting: Setting, device: torch.device) -> tuple[int, int | None]:
    """Return a setting's operations and, for training, the bytes kept for backward, as eager torch has them.

    The operations are those of direct convolutions, which contiguous networks take: torch cannot count what Winograd's
    way does instead, and a fraction of the peak says then how much less that is, too.
    """
    flops = flops_of(build(replace(setting, compiled="no", channels_last=False), device))
    if setting.task == "inference":
        return flops, None
    case = Training(replace(setting, compiled="no"), device)
    with saved_bytes(case.networks) as saved:
        case()
    return flops, saved[0]

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

"""Random operational layers against the sum of one convolution a power, in double precision.

    python benchmarks/layer_fuzz.py --layers 4000

Each layer has its own dimension, order, kernel, stride, padding, dilation, groups, padding mode, memory format and
batch, and is taken through one way of running it. The table gives the largest error of each way, relative to the
largest value of the result where that is above 1.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from monai.networks.layers.factories import Conv

from monai_r2c.networks.layers import operational_function

CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MODES = ("zeros", "reflect", "replicate", "circular")


def formula(layer: Any, x: torch.Tensor, parameters: dict[str, torch.Tensor] | None = None) -> torch.Tensor:
    """Sum the convolution of each power, every kernel cut out of the weight by its index."""
    parameters = dict(layer.named_parameters()) if parameters is None else parameters
    weight, bias, dims, order = parameters["weight"], parameters.get("bias"), len(layer.stride), layer.order
    inputs = layer.in_channels // layer.groups
    padding, total = layer.padding, None
    if not layer.transposed and layer.padding_mode != "zeros":
        x, padding = F.pad(x, layer._reversed_padding_repeated_twice, mode=layer.padding_mode), 0
    for power in range(order):
        term = x
        for _ in range(power):
            term = term * x
        if layer.transposed:
            rows = [g * order * inputs + power * inputs + i for g in range(layer.groups) for i in range(inputs)]
            last = (layer.stride, padding, layer.output_padding, layer.groups, layer.dilation)
            part = TRANSPOSED[dims - 1](term, weight[rows], None, *last)
        else:
            kernel = weight[:, power * inputs : (power + 1) * inputs]
            part = CONVOLUTIONS[dims - 1](term, kernel, None, layer.stride, padding, layer.dilation, layer.groups)
        total = part if total is None else total + part
    return total if bias is None else total + bias.view(-1, *(1,) * dims)


def random_case(draw: random.Random, batch: int | None = None) -> tuple[Any, torch.Tensor]:
    """Draw a layer and an input that its geometry fits."""
    dims, transposed, groups = draw.choice((1, 2, 2, 2, 3)), draw.random() < 0.4, draw.choice((1, 1, 2, 3))
    kernel = tuple(draw.randint(1, 4) for _ in range(dims))
    stride = tuple(draw.randint(1, 3) for _ in range(dims))
    dilation = tuple(draw.randint(1, 2) for _ in range(dims))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    padding = tuple(draw.randint(0, r // 2) for r in reach)
    size = [draw.randint(max(r, 3), r + 6) for r in reach]
    size[0] += draw.choice((0, 0, 0, 60 if dims < 3 else 20))  # long enough for strips
    arguments = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    arguments |= {"bias": draw.random() < 0.7, "order": draw.randint(1, 5)}
    if transposed:
        arguments["output_padding"] = tuple(draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation))
        size = [n + 2 for n in size]
    else:
        arguments["padding_mode"] = draw.choice(MODES)
        if draw.random() < 0.2:
            arguments |= {"padding": "same", "stride": 1}
    channels = [groups * draw.randint(1, 3) for _ in range(2)]
    name = "operationaltrans" if transposed else "operational"
    layer = Conv[name, dims](*channels, kernel, **arguments).double()
    x = torch.empty(draw.randint(1, 3) if batch is None else batch, channels[0], *size).uniform_(-1, 1).double()
    layout = (None, torch.channels_last, torch.channels_last_3d)[dims - 1]
    if layout is not None and draw.random() < 0.5:
        x, layer = x.to(memory_format=layout), layer.to(memory_format=layout)
    return layer, x


def with_gradients(function: Callable[[torch.Tensor], torch.Tensor], layer: Any, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = function(x)
    slope = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, (x, *layer.parameters()), slope)]


def training(layer: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    return with_gradients(layer, layer, x), with_gradients(lambda t: formula(layer, t), layer, x)


def inference(layer: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    before, operational_function._CPU_STRIP_BYTES = operational_function._CPU_STRIP_BYTES, 1
    try:
        with torch.no_grad():
            return [layer(x)], [formula(layer, x)]
    finally:
        operational_function._CPU_STRIP_BYTES = before


def complex_numbers(layer: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    layer, x = copy.deepcopy(layer).to(torch.complex128), torch.complex(x, x.flip(0).roll(1, -1))
    return training(layer, x)


def forward_mode(layer: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    direction = x.flip(-1).roll(1, 1)

    def tangent(function: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        with forward_ad.dual_level():
            return list(forward_ad.unpack_dual(function(forward_ad.make_dual(x, direction))))

    return tangent(layer), tangent(lambda t: formula(layer, t))


def vmap_of_gradients(layer: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    parameters = {name: value.detach() for name, value in layer.named_parameters()}

    def by_image(function: Callable[..., torch.Tensor]) -> list[torch.Tensor]:
        one = torch.func.grad(lambda p, image: function(p, image[None]).square().sum())
        return list(torch.func.vmap(one, (None, 0))(parameters, x).values())

    called = lambda p, image: torch.func.functional_call(layer, p, (image,))  # noqa: E731
    return by_image(called), by_image(lambda p, image: formula(layer, image, p))


def twice(layer: Any, x: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    def penalty(function: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
        image = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
        (slope,) = torch.autograd.grad(function(image).square().sum(), image, create_graph=True)
        return list(torch.autograd.grad(slope.square().sum(), (image, layer.weight)))

    return penalty(layer), penalty(lambda t: formula(layer, t))


@dataclass
class Way:
    """One way of running layers, the share of layers it gets, and what came of it."""

    run: Callable[[Any, torch.Tensor], tuple[list[torch.Tensor], list[torch.Tensor]]]
    share: float
    batch: int | None = None
    count: int = 0
    largest: float = 0.0
    failures: list[str] = field(default_factory=list)

    def take(self, draw: random.Random) -> None:
        layer, x = random_case(draw, self.batch)
        self.count += 1
        try:
            found, expected = self.run(layer, x)
            for a, b in zip(found, expected, strict=True):
                assert a.shape == b.shape, f"shape {tuple(a.shape)} where {tuple(b.shape)} is right"
                error = (a - b).abs().max().item() / max(b.abs().max().item(), 1.0) if a.numel() else 0.0
                assert error < 1e-9, f"off by {error:.2e}"
                self.largest = max(self.largest, error)
        except Exception as error:
            self.failures.append(f"{layer} of {tuple(x.shape)}: {type(error).__name__}: {str(error).splitlines()[0]}")


@click.command(help=__doc__)
@click.option("--layers", default=4000, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(layers: int, seed: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    draw = random.Random(seed)
    ways = {
        "result and gradients": Way(training, 0.4),
        "without gradient, in strips": Way(inference, 0.2),
        "empty batch": Way(training, 0.1, batch=0),
        "complex numbers": Way(complex_numbers, 0.1),
        "forward mode": Way(forward_mode, 0.07),
        "vmap of gradients": Way(vmap_of_gradients, 0.06),
        "gradients of gradients": Way(twice, 0.07),
    }
    print("| way | layers | failed | largest error |\n| --- | ---: | ---: | ---: |")
    for name, way in ways.items():
        for _ in range(round(way.share * layers)):
            way.take(draw)
        print(f"| {name} | {way.count} | {len(way.failures)} | {way.largest:.1e} |", flush=True)
    failures = [failure for way in ways.values() for failure in way.failures]
    print(f"\n{sum(way.count for way in ways.values())} layers, {len(failures)} failed")
    print("\n".join(failures[:20]))
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()

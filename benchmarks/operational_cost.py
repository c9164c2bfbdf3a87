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
"""What one operational layer costs beside a plain convolution, forward and backward, on one core. Prints a table.

The time is the least processor time of many repeats, which a busy machine disturbs little.

    OMP_NUM_THREADS=1 python benchmarks/operational_cost.py
"""

from __future__ import annotations

import math
import time

import click
import torch

from monai_r2c.networks.layers import OperationalConv2d, OperationalConv3d

ORDERS = (1, 2, 3, 5)
LAYERS = {2: (64, (4, 64, 64)), 3: (32, (2, 24, 24, 24))}  # dim: channels at order 1, batch and spatial size


class Case:
    """One layer, its input, and the least time of a forward and backward pass so far."""

    def __init__(self, dim: int, order: int, channels: int) -> None:
        self.order, self.channels = order, channels
        batch, *size = LAYERS[dim][1]
        kind = {2: OperationalConv2d, 3: OperationalConv3d}[dim]
        self.layer = kind(channels, channels, kernel_size=3, padding=1, order=order)
        self.x = torch.empty(batch, channels, *size).uniform_(-1, 1).requires_grad_()
        self.seed = torch.randn_like(self.x)
        self.milliseconds = math.inf

    def repeat(self) -> None:
        start = time.process_time()
        self.layer(self.x).backward(self.seed)
        self.milliseconds = min(self.milliseconds, 1000 * (time.process_time() - start))


@click.command()
@click.option("--repeats", default=40, show_default=True)
def main(repeats: int) -> None:
    torch.set_num_threads(1)
    print("| layer | order | channels | parameters | ms | against order 1 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for dim, (channels, _) in LAYERS.items():
        equal_channels = [(order, channels) for order in ORDERS]
        equal_parameters = [(order, round(channels / math.sqrt(order))) for order in ORDERS[1:]]
        cases = [Case(dim, *case) for case in equal_channels + equal_parameters]
        for _ in range(repeats):  # in turn, so that a busy machine disturbs all alike
            for case in cases:
                case.repeat()
        for case in cases:
            count = sum(parameter.numel() for parameter in case.layer.parameters())
            times, ratio = case.milliseconds, case.milliseconds / cases[0].milliseconds
            print(f"| {dim}-D | {case.order} | {case.channels} | {count:,} | {times:.0f} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    main()

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
"""What averaging gradients over many GPUs takes, by calculation from the links between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2


@dataclass(frozen=True)
class Link:
    """Bytes a second in one direction, as vendors state them, and seconds until a message is with the neighbour."""

    bandwidth: float
    latency: float


@dataclass(frozen=True)
class Machine:
    """Nodes of equally many GPUs."""

    name: str
    nodes: int
    gpus: int
    inside: Link
    between: Link | None = None

    def averaging(self, volume: int, calls: int, tree: bool = False) -> float:
        """Seconds in which `calls` all-reduces of `volume` bytes together are done, one after the other.

        Each sends 2 (n - 1) / n of its bytes over the narrowest link. A message passes every process twice in a ring;
        in a tree it goes from node to node in log2 of their number.
        """
        count = self.nodes * self.gpus
        links = [self.inside, self.between] if self.between else [self.inside]
        hops = (self.gpus - 1) * self.inside.latency * (1 if tree else self.nodes)
        if self.between:
            hops += (log2(self.nodes) if tree else self.nodes - 1) * self.between.latency
        return 2 * (count - 1) / count * volume / min(link.bandwidth for link in links) + calls * 2 * hops


_NVLINK, _PCIE = Link(300e9, 5e-6), Link(32e9, 5e-6)
MACHINES = [
    Machine("8 GPUs, PCIe 4.0 x16", 1, 8, _PCIE),
    Machine("8 GPUs, NVLink 300 GB/s", 1, 8, _NVLINK),
    Machine("8 x 8 GPUs, 100 Gbit/s a node", 8, 8, _NVLINK, Link(12.5e9, 10e-6)),
    Machine("8 x 8 GPUs, 200 Gbit/s a node", 8, 8, _NVLINK, Link(25e9, 10e-6)),
]


def machines_table(volume: int, calls: int, step_times: list[int]) -> list[str]:
    """Lines of a table: the averaging by ring and by tree, and the efficiency at steps of so many ms without it."""
    lines = ["| | averaging | " + " | ".join(f"{time} ms a step" for time in step_times) + " |"]
    lines.append("| --- | ---: |" + " ---: |" * len(step_times))
    for machine in MACHINES:
        times = [1e3 * machine.averaging(volume, calls, tree) for tree in (False, True)]
        texts = [[f"{time:.1f} ms" for time in times]]
        texts += [[f"{step / (step + time):.2f}" for time in times] for step in step_times]
        cells = [" to ".join(dict.fromkeys(text)) for text in texts]
        lines.append("| " + " | ".join([machine.name, *cells]) + " |")
    return lines

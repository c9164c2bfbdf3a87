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
"""Draws learned_nonlinearity.png: what operational layers of one input channel learn. Takes about a minute on a CPU."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
from matplotlib.axes import Axes
from monai.bundle import ConfigWorkflow
from monai.utils import set_determinism

from monai_r2c.networks.layers import OperationalConv1d, OperationalConv3d

HERE = Path(__file__).parent
TRAIN = HERE.parent / "examples/operational_unet/configs/train.yaml"
X = torch.linspace(-1, 1, 201)


def tone_curve(x: torch.Tensor) -> torch.Tensor:
    """Brighten dark gray levels: gamma 0.4 on [-1, 1]."""
    return 2 * ((x + 1) / 2) ** 0.4 - 1


def learn_tone_curve(order: int) -> torch.Tensor:
    set_determinism(0)
    layer = OperationalConv1d(1, 1, kernel_size=1, order=order)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    x = X.view(1, 1, -1)
    for _ in range(2000):
        optimizer.zero_grad()
        nn.functional.mse_loss(layer(x), tone_curve(x)).backward()
        optimizer.step()
    return layer(x).detach().flatten()


def draw_tone_curve(axes: Axes) -> None:
    axes.plot(X, tone_curve(X), color="black", linewidth=3, alpha=0.25, label="target")
    for order, style in ((1, ":"), (2, "-."), (3, "--"), (5, "-")):
        axes.plot(X, learn_tone_curve(order), style, label=f"order {order}")
    axes.set_title("One layer, one channel, kernel of 1\nlearns a tone curve")
    axes.set_ylabel("output")
    axes.legend(frameon=False)


def draw_taps(axes: Axes) -> None:
    with TemporaryDirectory() as folder:
        workflow = ConfigWorkflow(str(TRAIN), workflow_type="train", output_dir=folder)
        workflow.initialize()
        layer = workflow.parser.get_parsed_content("enter").conv
        before = centre_taps(layer)
        workflow.run()
    axes.plot(X, before, color="gray", linewidth=0.8, alpha=0.5)
    axes.plot(X, centre_taps(layer))
    axes.set_title("First layer of the operational U-Net:\ncentre taps before (gray) and after training")
    axes.set_ylabel("contribution to the output")


def centre_taps(layer: OperationalConv3d) -> torch.Tensor:
    """Values over X of each output channel's function of the centre voxel, ``(len(X), out)``."""
    kernels = layer.kernels_by_power().detach().cpu()[:, :, 0, 1, 1, 1]
    return torch.stack([X**power for power in range(1, layer.order + 1)], dim=1) @ kernels


def main() -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    draw_tone_curve(left)
    draw_taps(right)
    for axes in (left, right):
        axes.set_xlabel("input")
        axes.set_xticks([-1, -0.5, 0, 0.5, 1])
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color="gray", linewidth=0.5)
    figure.savefig(HERE / "learned_nonlinearity.png", dpi=110)


if __name__ == "__main__":
    main()

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

"""
Write a loss term of your own
=============================

A term is a scalar by name. `RestoreToClassifyLoss` computes its terms in ``forward``; a subclass adds one, gives it a
weight, and the trainer, ``metrics.csv`` and TensorBoard have it under its name.
"""

from __future__ import annotations

import torch

from monai_r2c.losses import RestoreToClassifyLoss


class EdgeKeepingLoss(RestoreToClassifyLoss):
    """The published loss, and how much the edges of identity images differ from those of their input.

    Args:
        edge_weight: of the new term.
        arguments: those of `RestoreToClassifyLoss`.
    """

    def __init__(self, edge_weight: float = 1.0, **arguments: float) -> None:
        super().__init__(**arguments)
        self.edge_weight = edge_weight

    def forward(self, images, logits, scores, labels):
        losses = super().forward(images, logits, scores, labels)
        edges = (_edges(images["identity_good"]) - _edges(images["good"])).abs().mean()
        return {**losses, "edges_good": edges, "generator_loss": losses["generator_loss"] + self.edge_weight * edges}


def _edges(image: torch.Tensor) -> torch.Tensor:
    return image.diff(dim=-1)[..., 1:, :] + image.diff(dim=-2)[..., 1:]


# %%
# It takes what the trainer gives it: images, logits and scores by name.

torch.manual_seed(0)
names = ("poor", "good", "cycled_poor", "cycled_good", "identity_poor", "identity_good")
images = {name: torch.rand(1, 1, 32, 32) for name in names}
passes = ("restored", "degraded", "cycled_poor", "cycled_good", "identity_poor", "identity_good")
logits = {name: torch.zeros(1, 2) for name in passes}
scores = {name: torch.rand(1, 1, 4, 4) for name in ("restored", "degraded")}
labels = {"poor_label": torch.tensor([0]), "good_label": torch.tensor([1])}
for name, value in EdgeKeepingLoss(edge_weight=2.0)(images, logits, scores, labels).items():
    print(f"{name:24} {value:.4f}")

# %%
# What the term sees
# ------------------
# The more an identity image is blurred, the larger the term. It looks at edges alone: a brighter image costs nothing.

import matplotlib.pyplot as plt
from torch.nn.functional import avg_pool2d

from monai_r2c.data import PhantomChest

film = torch.as_tensor(PhantomChest(0, 1, True, size=128).radiograph()).float()[None, None]
variants = {"as it is": film, "brighter": film + 0.1}
variants |= {f"blurred, {side} pixels": avg_pool2d(film, side, 1, side // 2) for side in (3, 9)}
figure, row = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
for axes, (name, image) in zip(row, variants.items()):
    term = (_edges(image) - _edges(film)).abs().mean()
    axes.imshow(image[0, 0], cmap="gray", vmin=0, vmax=1)
    axes.set_title(f"{name}: {term:.4f}", fontsize=9)
    axes.axis("off")

# %%
# In the bundle, a small config given after ``train.yaml`` puts it in place, with the file that holds the class on the
# Python path:
#
# .. code-block:: yaml
#
#    generator_loss:
#      _target_: my_losses.EdgeKeepingLoss
#      edge_weight: 2.0
#      cycle_weight: '@cycle_weight'
#      identity_weight: '@identity_weight'
#      class_weight: '@class_weight'

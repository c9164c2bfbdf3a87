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
An operational layer learns a tone curve
========================================

A convolution weighs its input; an operational layer learns a polynomial for each weight. One layer with one channel and
a kernel of one pixel can therefore learn a tone curve, which a convolution cannot: each order adds a bend.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from monai.utils import set_determinism

from monai_r2c.networks.layers import OperationalConv1d

x = torch.linspace(-1, 1, 201).view(1, 1, -1)
target = 2 * ((x + 1) / 2) ** 0.4 - 1  # brightens dark gray levels

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.plot(x.flatten(), target.flatten(), color="gray", linewidth=4, alpha=0.4, label="tone curve")
for order in (1, 2, 3, 5):
    set_determinism(0)
    layer = OperationalConv1d(1, 1, kernel_size=1, order=order)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=60)

    def error() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(layer(x), target)
        loss.backward()
        return loss

    optimizer.step(error)
    left = torch.nn.functional.mse_loss(layer(x), target).item()
    axes.plot(x.flatten(), layer(x).detach().flatten(), label=f"order {order}, error {left:.4f}")
axes.set(xlabel="gray level in", ylabel="gray level out")
axes.legend(frameon=False)

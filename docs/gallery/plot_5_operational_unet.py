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
An operational UNet in MONAI
============================

One line makes a trained network of MONAI operational without changing what it computes; training then teaches it the
powers.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from monai.networks.nets import UNet
from monai.utils import set_determinism

from monai_r2c.data import PhantomChest
from monai_r2c.networks import to_operational

set_determinism(0)
plain = UNet(2, 1, 1, channels=(8, 16, 32), strides=(2, 2)).eval()
image = torch.rand(1, 1, 64, 64) * 2 - 1
before = plain(image)

operational = to_operational(plain, order=3, bounded="tanh", parallel=True).eval()
print(f"largest change of the output: {(operational(image) - before).abs().max():.1e}")
weights = [sum(p.numel() for p in network.parameters()) for network in (plain, operational)]
print(f"parameters: {weights[0]} plain, {weights[1]} operational")

# %%
# Gradients reach the new kernels from the first step on, although they are zero.

operational.train()
operational(image).square().mean().backward()
moved = [name for name, p in operational.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0]
print(f"{len(moved)} of {len(list(operational.parameters()))} parameters have a gradient, such as {moved[0]}")

# %%
# What the powers are for
# -----------------------
# Both learn to undo a tone curve on one phantom, from the same start. This shows what the layers can do, and nothing
# about radiographs.

good = torch.as_tensor(PhantomChest(0, 1, True, size=64).radiograph()).float()[None, None]
poor = good**3  # dark
plain.train()
images, losses = {}, {}
for name, network in (("plain", plain), ("operational", operational)):
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    losses[name] = []
    for _ in range(60):
        loss = (network(2 * poor - 1) - (2 * good - 1)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[name].append(loss.item())
    images[name] = (network(2 * poor - 1).detach() + 1) / 2

figure, row = plt.subplots(1, 4, figsize=(8, 2.3), layout="constrained")
for axes, (name, shown) in zip(row, {"poor": poor, **images, "good": good}.items()):
    axes.imshow(shown[0, 0], cmap="gray", vmin=0, vmax=1)
    axes.set_title(name, fontsize=9)
    axes.axis("off")

figure, axes = plt.subplots(figsize=(6, 2.5), layout="constrained")
for name, values in losses.items():
    axes.plot(values, label=name)
axes.set(xlabel="step", ylabel="mean absolute error")
axes.legend(frameon=False)

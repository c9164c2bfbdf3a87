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
A first restoration, from nothing to a folder
=============================================

This tutorial goes the whole way in a minute: draw phantom radiographs, degrade them, train a small restorer on such
pairs, look at what it does, judge it, and restore a folder with it. Download it as a notebook at the foot of the page.
"""

# %%
# Images
# ------
# `PhantomChest` draws synthetic chest radiographs; `RandPoorQuality` makes them poor in the ways of bedside films.
# Networks see images in [-1, 1].

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from monai.utils import set_determinism

from monai_r2c.data import PhantomChest
from monai_r2c.transforms import RandPoorQuality

set_determinism(0)
good = torch.stack(
    [torch.as_tensor(PhantomChest(0, i, i % 2 == 1, size=64).radiograph()).float()[None] for i in range(20)]
)
degrade = RandPoorQuality(prob=1.0)
degrade.set_random_state(seed=0)
poor = torch.stack([torch.as_tensor(degrade(image)) for image in good])
print(f"{len(good)} images of {tuple(good.shape[1:])}, from {good.min():.2f} to {good.max():.2f}")

# %%
# A restorer
# ----------
# Any network of MONAI can restore: `WrappedGenerator` gives it the class head that `R2CGenerator` has of its own. Here
# the smallest UNet that learns something in seconds; the last four images are kept for judging.

from monai_r2c.networks import WrappedGenerator

restorer = WrappedGenerator("UNet", {"channels": [8, 16], "strides": [2], "num_res_units": 1}, residual=True)
optimizer = torch.optim.Adam(restorer.parameters(), lr=3e-3)
losses = []
for _ in range(120):
    chosen = torch.randint(0, 16, (4,))
    image, logits = restorer(2 * poor[chosen] - 1)
    loss = (image - (2 * good[chosen] - 1)).abs().mean() + 0.01 * torch.nn.functional.cross_entropy(logits, chosen % 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

figure, axes = plt.subplots(figsize=(6, 2.5), layout="constrained")
axes.plot(losses)
axes.set(xlabel="step", ylabel="loss")

# %%
# Look
# ----
# Poor, restored and original, of images that training never saw.

restorer.eval()
with torch.no_grad():
    restored = (restorer(2 * poor[16:] - 1)[0] + 1) / 2

# sphinx_gallery_thumbnail_number = 2
figure, rows = plt.subplots(3, 4, figsize=(7, 5.4), layout="constrained")
for name, images, row in zip(("poor", "restored", "original"), (poor[16:], restored, good[16:]), rows):
    row[0].set_title(name, loc="left")
    for axes, image in zip(row, images):
        axes.imshow(image[0], cmap="gray", vmin=0, vmax=1)
        axes.axis("off")

# %%
# Judge
# -----
# Every score knows how many images it rests on. Four are too few for any claim, and a report would not show them.

from monai_r2c.metrics import ReferenceMetric

for name, images in (("poor", poor[16:]), ("restored", restored)):
    metric = ReferenceMetric()
    metric(images, good[16:])
    psnr = metric.aggregate()["psnr"]
    print(f"{name}: PSNR {psnr:.1f} dB [{psnr.low:.1f}, {psnr.high:.1f}], n = {psnr.images}")

# %%
# Restore a folder
# ----------------
# `save_model` writes what `python -m monai_r2c restore` reads: weights, and what the network is.

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from monai_r2c.apps.cli import cli
from monai_r2c.networks import save_model

with TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "films").mkdir()
    for number, image in enumerate(poor[16:]):
        pixels = (image[0].numpy() * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(folder / "films" / f"{number}.png")
    save_model(folder / "model.pt", restorer, ["clear", "opacities"], 64)
    line = f"restore {folder}/films --model {folder}/model.pt --output {folder}/restored --workers 0"
    cli.main(line.split(), standalone_mode=False)
    with (folder / "restored/predictions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            print(
                row["file"], row["class"], row["probability_opacities"], (folder / "restored" / row["file"]).is_file()
            )

# %%
# From here: :doc:`the quickstart </quickstart>` does the same with R2C-GAN, which needs no pairs, on your own images.

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
A run's panels
==============

Training R2C-GAN from Python with the MONAI bundle: three short epochs on phantoms, then what the run left behind. The
networks are too narrow and the run too short to restore anything; the demo (``make demo``) takes some minutes and does.
"""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
from monai.bundle import create_workflow
from PIL import Image

from monai_r2c.apps.bundle import bundle_folder
from monai_r2c.data import write_phantom_dataset

folder = Path(mkdtemp())
write_phantom_dataset(folder / "phantoms", {"train": 8, "validation": 4, "test": 4}, size=48, seed=0)
workflow = create_workflow(
    config_file=str(bundle_folder() / "configs/train.yaml"),
    workflow_type="train",
    run_id="training",
    dataset_dir=str(folder / "phantoms"),
    output_dir=str(folder / "run"),
    classes="non-covid,covid",
    image_size=32,
    features=8,
    max_epochs=3,
    val_interval=1,
    device="cpu",
)
workflow.run()
workflow.finalize()

# %%
# The panel of the last epoch
# ---------------------------
# Poor images, restored, and cycled back; good ones, degraded, and cycled back.

panel = sorted((folder / "run/panels").glob("*.png"))[-1]
figure, axes = plt.subplots(figsize=(8, 6), layout="constrained")
axes.imshow(Image.open(panel), cmap="gray")
axes.axis("off")

# %%
# The numbers of every epoch
# --------------------------

with (folder / "run/metrics.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for column in ("generator_loss", "discriminator_loss", "cycle_poor"):
    axes.plot([int(row["epoch"]) for row in rows], [float(row[column]) for row in rows], "o-", label=column)
axes.set(xlabel="epoch", xticks=[1, 2, 3])
axes.legend(frameon=False)

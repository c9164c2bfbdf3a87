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
Judge a run: intervals that hold, also for few images
=====================================================

Three right answers of three are no proof of anything. Shares have Wilson's interval and the ROC AUC has Newcombe's,
both for the number of patients: they stay wide where few images are all right, and images of one patient count as one.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch

from monai_r2c.metrics import ClassificationMetric


def all_right(images: int, of_each_patient: int = 1) -> dict:
    """Scores of a classifier that is right in every image, half of them positive."""
    labels = torch.arange(images) // of_each_patient % 2
    metric = ClassificationMetric(["well", "ill"])
    patients = [f"p{index // of_each_patient}" for index in range(images)]
    metric(torch.nn.functional.one_hot(labels, 2).float(), labels, groups=patients)
    return metric.aggregate()


runs = {
    "6 images": all_right(6),
    "20 images": all_right(20),
    "200 images": all_right(200),
    "200 images of 20 patients": all_right(200, 10),
}
figure, row = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True, layout="constrained")
for axes, name in zip(row, ("specificity", "auc")):
    for height, (run, scores) in enumerate(runs.items()):
        score = scores[name]
        axes.plot([score.low, score.high], [height, height], color="tab:blue", linewidth=3)
        axes.plot(score, height, "o", color="tab:blue")
        print(f"{name:12} {run:26} {score:.3f} [{score.low:.3f}, {score.high:.3f}], n = {score.images}")
    axes.set(title=name, xlim=(0, 1.05), yticks=range(len(runs)), yticklabels=list(runs))

# %%
# Below ten patients a report shows no score at all: :doc:`/howto/judging_results`.

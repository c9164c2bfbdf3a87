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

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from monai.metrics import CumulativeIterationMetric, compute_confusion_matrix_metric, compute_roc_auc
from monai.metrics.f_beta_score import compute_f_beta_score, get_f_beta_score

SCORES = ("accuracy", "sensitivity", "specificity", "precision", "f1", "f2", "auc")


def classification_scores(probabilities: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Scores of the most probable class against the true one.

    With two classes, class 1 is the positive one. With more, every score but the accuracy is the mean over the classes,
    each against the rest.

    Args:
        probabilities: ``(images, classes)``, at least two classes.
        labels: ``(images,)``, indices of the true classes.

    Returns:
        ``accuracy``, ``sensitivity``, ``specificity``, ``precision``, ``f1``, ``f2`` and ``auc`` (of the ROC curve), in
        [0, 1]; higher is better. A score that a missing class leaves undefined (sensitivity without positives, AUC of
        one class) is NaN.

    Raises:
        ValueError: when the shapes do not fit.
    """
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            f"probabilities must be (images, classes) and labels (images,), got {tuple(probabilities.shape)} and "
            f"{tuple(labels.shape)}."
        )
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(1)
    counts = get_f_beta_score(F.one_hot(predicted, classes), F.one_hot(labels, classes)).sum(0)
    scored = slice(1, 2) if classes == 2 else slice(0, classes)
    scores = {"accuracy": (predicted == labels).double().mean().item()}
    for name in ("sensitivity", "specificity", "precision"):
        scores[name] = compute_confusion_matrix_metric(name, counts[scored]).mean().item()
    for beta in (1, 2):
        scores[f"f{beta}"] = compute_f_beta_score(counts[scored], beta).mean().item()
    areas = [_roc_auc(probabilities[:, index], labels == index) for index in range(classes)[scored]]
    scores["auc"] = sum(areas) / len(areas)
    return scores


class ClassificationMetric(CumulativeIterationMetric):
    """Cumulates probabilities and labels, over ranks too, and gives the `classification_scores` of all of them."""

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> Any:  # type: ignore[override]
        return y_pred, y.reshape(-1)

    def aggregate(self) -> dict[str, float]:
        """Scores of everything cumulated since the last reset, by name."""
        buffers = self.get_buffer()
        if not isinstance(buffers, (list, tuple)):
            raise ValueError("no probabilities and labels have been given since the last reset.")
        probabilities, labels = buffers
        return classification_scores(probabilities, labels)


def _roc_auc(scores: torch.Tensor, positive: torch.Tensor) -> float:
    if positive.all() or not positive.any():
        return float("nan")
    return float(compute_roc_auc(scores, positive.int()))  # type: ignore[arg-type]

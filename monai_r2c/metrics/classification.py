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

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.metrics import (
    calibration_binning,
    compute_average_precision,
    compute_confusion_matrix_metric,
    compute_roc_auc,
)
from monai.metrics.f_beta_score import compute_f_beta_score, get_f_beta_score

from .bootstrap import RESAMPLES
from .grouped import GroupedMetric, Interval
from .intervals import auc_interval, effective_count, ratio_interval, wilson_interval
from .score import Score

SCORES = (
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "f2",
    "auc",
    "average_precision",
    "calibration_error",
)
_BINS = 10


def classification_scores(probabilities: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Scores of the most probable class against the true one.

    With two classes, class 1 is the positive one. With more, every score but the accuracy and the calibration error is
    the mean over the classes, each against the rest.

    Args:
        probabilities: ``(images, classes)``, at least two classes, finite.
        labels: ``(images,)``, indices of the true classes, of any type.

    Returns:
        ``accuracy``, ``sensitivity``, ``specificity``, ``precision``, ``f1``, ``f2``, ``auc`` (of the ROC curve) and
        ``average_precision``, in [0, 1], higher is better; and ``calibration_error``, the expected calibration error of
        the most probable class over 10 bins of equal width, in [0, 1], lower is better. A score that a missing class
        leaves undefined (sensitivity without positives, AUC of one class) is NaN, and without images every one is;
        `why_undefined` tells why.

    Raises:
        ValueError: when the shapes do not fit, a label is no index of a class, or probabilities are not finite.

    Source: the calibration error is that of C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    labels = _checked(probabilities, labels)
    if not len(labels):
        return dict.fromkeys(SCORES, float("nan"))
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(1)
    counts = get_f_beta_score(F.one_hot(predicted, classes), F.one_hot(labels, classes)).sum(0).double()
    scored = _scored_classes(classes)
    scores = {"accuracy": (predicted == labels).double().mean().item()}
    for name in ("sensitivity", "specificity", "precision"):
        scores[name] = compute_confusion_matrix_metric(name, counts[scored]).mean().item()
    for beta in (1, 2):
        scores[f"f{beta}"] = compute_f_beta_score(counts[scored], beta).mean().item()
    areas = [_areas(probabilities[:, index], labels == index) for index in scored]
    scores["auc"], scores["average_precision"] = (sum(values) / len(scored) for values in zip(*areas))
    scores["calibration_error"] = _calibration_error(probabilities, predicted == labels)
    return scores


def confusion_matrix(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Count images: int64 ``(classes, classes)``, the true class in the rows, the most probable in the columns.

    Raises:
        ValueError: as `classification_scores`.
    """
    labels = _checked(probabilities, labels)
    classes = probabilities.shape[1]
    return torch.bincount(labels * classes + probabilities.argmax(1), minlength=classes**2).reshape(classes, classes)


def why_undefined(name: str, probabilities: torch.Tensor, labels: torch.Tensor, classes: Sequence[str] = ()) -> str:
    """Say which classes leave the score `name` undefined, such as ``no image is covid``."""
    matrix = confusion_matrix(probabilities, labels)
    names = list(classes) or [f"class {index}" for index in range(len(matrix))]
    scored = _scored_classes(len(matrix))
    total, actual, predicted = matrix.sum(), matrix.sum(1), matrix.sum(0)
    if total == 0:
        return "there is no image"
    absent = [f"no image is {names[index]}" for index in scored if actual[index] == 0]
    full = [f"every image is {names[index]}" for index in scored if actual[index] == total]
    if name == "precision":
        return ", ".join(f"no image is classified as {names[index]}" for index in scored if predicted[index] == 0)
    if name == "specificity":
        return ", ".join(full)
    if name in ("auc", "average_precision"):
        return ", ".join(absent + full)
    if name in ("f1", "f2"):
        neither = [names[i] for i in scored if actual[i] == 0 and predicted[i] == 0]
        return ", ".join(f"no image is or is classified as {missing}" for missing in neither)
    return ", ".join(absent)


class ClassificationMetric(GroupedMetric):
    """Cumulates probabilities and labels, over ranks too, and gives the `classification_scores` of all of them.

    ``metric(probabilities, labels, groups=patients)`` adds a batch; `aggregate` gives a `Score` each, and the
    ``confusion_matrix``. Shares have Wilson's interval and the AUC has Newcombe's, both for the number of patients, so
    that they hold where every image is right; the calibration error, and with more than two classes all but the
    accuracy, have that of resampled patients. With one class there is nothing to score, and `aggregate` gives nothing.
    Where an image's probabilities are not finite every score is NaN, and the matrix counts the other images.

    Args:
        classes: names, used where a score is undefined.
        resamples, confidence, seed: see `GroupedMetric`.
    """

    def __init__(
        self, classes: Sequence[str] = (), resamples: int = RESAMPLES, confidence: float = 0.95, seed: int = 0
    ) -> None:
        super().__init__(resamples, confidence, seed)
        self.classes = list(classes)

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **_: Any) -> Any:  # type: ignore[override]
        return y_pred.float(), y.reshape(-1)

    def image_values(self) -> dict[str, torch.Tensor]:
        """Probability of the true class, where there are several; NaN where the probabilities are not finite."""
        probabilities, labels, _ = self.buffers()
        if probabilities.shape[1] == 1:
            return {}
        of_true = probabilities.gather(1, labels.long()[:, None])[:, 0]
        return {"true_class_probability": of_true.where(_are_finite(probabilities), float("nan"))}

    def aggregate(self) -> dict[str, Any]:
        """Scores of everything cumulated since the last reset, by name, and the confusion matrix."""
        probabilities, labels, groups = self.buffers()
        if probabilities.shape[1] == 1:
            return {}
        finite = _are_finite(probabilities)
        if not finite.all():
            reason = f"no finite probabilities for {int((~finite).sum())} of {len(finite)} images"
            matrix = confusion_matrix(probabilities[finite], labels[finite])
            return {**dict.fromkeys(SCORES, Score(float("nan"), reason=reason)), "confusion_matrix": matrix}
        scores = {
            name: Score(
                value, reason=why_undefined(name, probabilities, labels, self.classes) if value != value else ""
            )
            for name, value in classification_scores(probabilities, labels).items()
        }

        rests_on, exact = _exact_intervals(probabilities, labels, {**scores}, self.confidence)

        def statistics(indices: np.ndarray) -> dict[str, float]:
            if probabilities.shape[1] == 2:
                hit = probabilities[indices].argmax(1) == labels[indices]
                return {"calibration_error": _calibration_error(probabilities[indices], hit)}
            return classification_scores(probabilities[indices], labels[indices])

        matrix = confusion_matrix(probabilities, labels)
        return {**self.with_intervals(scores, statistics, groups, rests_on, exact), "confusion_matrix": matrix}


def _exact_intervals(
    probabilities: torch.Tensor, labels: torch.Tensor, scores: dict[str, float], confidence: float
) -> tuple[dict[str, np.ndarray], dict[str, Callable[[np.ndarray], Interval]]]:
    """Images that each score rests on, and the intervals that need no resampling."""
    right = (probabilities.argmax(1) == labels).numpy()
    parts = {"accuracy": (right.astype(float), np.ones(len(right)))}
    exact: dict[str, Callable[[np.ndarray], Interval]] = {}
    rests_on: dict[str, np.ndarray] = {}
    if probabilities.shape[1] == 2:
        positive = (labels == 1).numpy()
        found, missed, false = right & positive, positive & ~right, ~positive & ~right
        tp, fn, fp, tn = (part.astype(float) for part in (found, missed, false, right & ~positive))
        parts |= {
            "sensitivity": (tp, tp + fn),
            "specificity": (tn, tn + fp),
            "precision": (tp, tp + fp),
            "f1": (2 * tp, 2 * tp + fn + fp),
            "f2": (5 * tp, 5 * tp + 4 * fn + fp),
        }
        rests_on = {name: denominators > 0 for name, (_, denominators) in parts.items()}
        if positive.any() and not positive.all():
            rests_on["average_precision"] = positive
            exact["auc"] = lambda groups: auc_interval(
                scores["auc"], _independent(groups[positive]), _independent(groups[~positive]), confidence
            )
            # the area under the precision-recall curve counts as a share of the positives (K. Boyd et al., ECML 2013)
            exact["average_precision"] = lambda groups: wilson_interval(
                scores["average_precision"], _independent(groups[positive]), confidence
            )
    for name, (numerators, denominators) in parts.items():
        exact[name] = partial(_ratio, numerators, denominators, confidence)
    return rests_on, exact


def _ratio(numerators: np.ndarray, denominators: np.ndarray, confidence: float, groups: np.ndarray) -> Interval:
    return ratio_interval(numerators, denominators, groups, confidence)


def _independent(groups: np.ndarray) -> float:
    """Number of images as if those of one group were all the same."""
    return effective_count(np.unique(groups, return_counts=True)[1])


def _checked(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the labels as int64, when both are as `classification_scores` needs them."""
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            f"probabilities must be (images, classes) and labels (images,), got {tuple(probabilities.shape)} and "
            f"{tuple(labels.shape)}."
        )
    indices, last = labels.long(), probabilities.shape[1] - 1
    wrong = labels[(indices != labels) | (indices < 0) | (indices > last)]
    if len(wrong):
        raise ValueError(f"labels must be indices of classes, 0 to {last}, got {wrong[0].item():g}.")
    finite = _are_finite(probabilities)
    if not finite.all():
        raise ValueError(
            f"probabilities must be finite, those of {int((~finite).sum())} of {len(finite)} images are not."
        )
    return indices


def _are_finite(probabilities: torch.Tensor) -> torch.Tensor:
    return probabilities.isfinite().all(1)


def _scored_classes(classes: int) -> list[int]:
    return [1] if classes == 2 else list(range(classes))


def _areas(scores: torch.Tensor, positive: torch.Tensor) -> tuple[float, float]:
    """Area under the ROC curve and average precision."""
    if positive.all() or not positive.any():
        return float("nan"), float("nan")
    labels = positive.int()
    return float(compute_roc_auc(scores, labels)), float(compute_average_precision(scores, labels))  # type: ignore[arg-type]


def _calibration_error(probabilities: torch.Tensor, correct: torch.Tensor) -> float:
    # MONAI bins over spatial positions; here the images take their place
    confidence, share, counts = calibration_binning(probabilities.amax(1)[None, None], correct[None, None], _BINS)
    return float(((confidence - share).abs() * counts).nansum() / counts.sum())

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

import math

import pytest
import torch
from sklearn import metrics as sklearn_metrics

from monai_r2c.metrics import SCORES, ClassificationMetric, classification_scores, confusion_matrix
from monai_r2c.metrics.classification import why_undefined


def _predictions(images: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(classes)
    labels = torch.randint(0, classes, (images,), generator=generator)
    logits = torch.randn(images, classes, generator=generator) + torch.nn.functional.one_hot(labels, classes)
    return (logits * 1.5).softmax(1), labels


def test_two_classes_by_hand() -> None:
    # positives called positive twice, missed once; negatives called negative three times, positive once
    labels = torch.tensor([1, 1, 1, 0, 0, 0, 0])
    positive = torch.tensor([0.9, 0.8, 0.3, 0.1, 0.2, 0.4, 0.7])
    probabilities = torch.stack([1 - positive, positive], 1)
    scores = classification_scores(probabilities, labels)
    assert confusion_matrix(probabilities, labels).tolist() == [[3, 1], [1, 2]]
    assert scores["accuracy"] == pytest.approx(5 / 7)
    assert scores["sensitivity"] == pytest.approx(2 / 3)
    assert scores["specificity"] == pytest.approx(3 / 4)
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["f2"] == pytest.approx(5 * 2 / (5 * 2 + 4 * 1 + 1))
    assert scores["auc"] == pytest.approx(10 / 12)  # of 12 pairs, two of the missed positive are wrong
    assert scores["average_precision"] == pytest.approx((1 + 1 + 3 / 5) / 3)
    # tenths that hold confidences: 0.6 (right), 0.7 and 0.7 (both wrong), 0.8 and 0.8, 0.9 and 0.9 (all right)
    assert scores["calibration_error"] == pytest.approx((0.4 + 2 * 0.7 + 2 * 0.2 + 2 * 0.1) / 7, abs=1e-6)


def test_one_class_has_no_scores() -> None:
    metric = ClassificationMetric(["unlabelled"])
    metric(torch.ones(3, 1), torch.zeros(3, dtype=torch.long))
    assert metric.aggregate() == metric.image_values() == {}


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_equal_those_of_scikit_learn(classes: int) -> None:
    probabilities, labels = _predictions(200, classes)
    scores = classification_scores(probabilities, labels)
    predicted, average = probabilities.argmax(1), "binary" if classes == 2 else "macro"
    scored = probabilities[:, 1] if classes == 2 else probabilities
    one_hot = torch.nn.functional.one_hot(labels, classes)
    wanted = {
        "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
        "sensitivity": sklearn_metrics.recall_score(labels, predicted, average=average),
        "precision": sklearn_metrics.precision_score(labels, predicted, average=average),
        "f2": sklearn_metrics.fbeta_score(labels, predicted, beta=2, average=average),
        "f1": sklearn_metrics.f1_score(labels, predicted, average=average),
        "auc": sklearn_metrics.roc_auc_score(labels if classes == 2 else one_hot, scored, average="macro"),
        "average_precision": sklearn_metrics.average_precision_score(labels if classes == 2 else one_hot, scored),
    }
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted, abs=1e-6)
    matrix = sklearn_metrics.confusion_matrix(labels, predicted)
    assert confusion_matrix(probabilities, labels).tolist() == matrix.tolist()


def test_specificity_of_three_classes_is_the_mean_of_each_against_the_rest() -> None:
    probabilities, labels = _predictions(60, 3)
    per_class = [
        ((probabilities.argmax(1) != c) & (labels != c)).sum().item() / (labels != c).sum().item() for c in range(3)
    ]
    assert classification_scores(probabilities, labels)["specificity"] == pytest.approx(sum(per_class) / 3)


def test_absent_class_gives_nan_with_the_reason_and_no_interval() -> None:
    metric = ClassificationMetric(["non-covid", "covid"], resamples=20)
    metric(torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([0, 0]))
    scores = metric.aggregate()
    for name, reason in {
        "sensitivity": "no image is covid",
        "auc": "no image is covid",
        "average_precision": "no image is covid",
        "precision": "no image is classified as covid",
        "f1": "no image is or is classified as covid",
    }.items():
        assert math.isnan(scores[name]), name
        assert scores[name].reason == reason
        assert math.isnan(scores[name].low), name
    assert (scores["accuracy"], scores["specificity"]) == (1, 1)
    assert scores["accuracy"].reason == ""


def test_every_image_of_the_positive_class_leaves_specificity_undefined() -> None:
    metric = ClassificationMetric(resamples=0)
    metric(torch.tensor([[0.1, 0.9]]), torch.tensor([1]))
    assert metric.aggregate()["specificity"].reason == "every image is class 1"


def test_interval_holds_the_score_and_patients_widen_it() -> None:
    probabilities, labels = _predictions(60, 2)
    widths = {}
    for name, patients in {"images": None, "patients": [f"p{i // 6}" for i in range(60)]}.items():
        metric = ClassificationMetric(resamples=200)
        order = labels.sort().indices  # images of one patient are of one class
        metric(probabilities[order], labels[order], groups=patients)
        scores = metric.aggregate()
        assert all(scores[key].low <= scores[key] <= scores[key].high for key in SCORES if key != "calibration_error")
        widths[name] = scores["specificity"].high - scores["specificity"].low
    assert widths["patients"] > 0
    assert widths["images"] > 0


def test_batches_and_lists_of_items_cumulate_alike() -> None:
    probabilities, labels = _predictions(10, 3)
    whole, items = ClassificationMetric(resamples=0), ClassificationMetric(resamples=0)
    whole(probabilities, labels)
    items(list(probabilities[:4]), list(labels[:4]))
    items(list(probabilities[4:]), labels[4:].tolist())
    a, b = whole.aggregate(), items.aggregate()
    assert a.pop("confusion_matrix").equal(b.pop("confusion_matrix"))
    assert a == b


def test_true_class_probability_of_each_image() -> None:
    metric = ClassificationMetric()
    metric(torch.tensor([[0.75, 0.25], [0.5, 0.5]]), torch.tensor([1, 0]))
    assert metric.image_values()["true_class_probability"].tolist() == [0.25, 0.5]


@pytest.mark.parametrize("shape", [(4,), (4, 1), (3, 2)])
def test_shapes_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="probabilities must be"):
        classification_scores(torch.rand(shape), torch.zeros(4, dtype=torch.int64))


def test_aggregate_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="given nothing"):
        ClassificationMetric().aggregate()


def test_labels_of_any_type_count_alike() -> None:
    probabilities = torch.tensor([[0.2, 0.8], [0.7, 0.3], [0.4, 0.6]])
    for dtype in (torch.int32, torch.uint8, torch.float32):
        labels = torch.tensor([1, 0, 0], dtype=dtype)
        assert classification_scores(probabilities, labels)["accuracy"] == pytest.approx(2 / 3)
        metric = ClassificationMetric(resamples=0)
        metric(probabilities, labels)
        assert metric.image_values()["true_class_probability"].tolist() == pytest.approx([0.8, 0.7, 0.4])
        assert metric.aggregate()["confusion_matrix"].tolist() == [[1, 1], [0, 1]]


@pytest.mark.parametrize("label", [-1, 2, 0.5])
def test_label_that_is_no_class_is_refused(label: float) -> None:
    with pytest.raises(ValueError, match=rf"labels must be indices of classes, 0 to 1, got {label}\.$"):
        classification_scores(torch.tensor([[0.2, 0.8], [0.7, 0.3]]), torch.tensor([0, label]))


def test_without_images_every_score_is_undefined() -> None:
    scores = classification_scores(torch.empty(0, 2), torch.empty(0))
    assert list(scores) == list(SCORES)
    assert all(math.isnan(value) for value in scores.values())
    assert why_undefined("auc", torch.empty(0, 2), torch.empty(0)) == "there is no image"


def test_probabilities_that_are_not_finite_are_no_answer() -> None:
    probabilities = torch.tensor([[0.2, 0.8], [0.7, 0.3], [math.nan, math.nan], [0.5, math.inf]])
    labels = torch.tensor([1, 0, 0, 1])
    metric = ClassificationMetric(resamples=10)
    metric(probabilities, labels)
    scores = metric.aggregate()
    assert scores.pop("confusion_matrix").tolist() == [[1, 0], [0, 1]]
    assert list(scores) == list(SCORES)
    for score in scores.values():
        assert math.isnan(score)
        assert score.reason == "no finite probabilities for 2 of 4 images"
    of_true = metric.image_values()["true_class_probability"]
    torch.testing.assert_close(of_true, torch.tensor([0.8, 0.7, math.nan, math.nan]), equal_nan=True)
    for function in (classification_scores, confusion_matrix):
        with pytest.raises(ValueError, match="probabilities must be finite, those of 2 of 4 images are not"):
            function(probabilities, labels)

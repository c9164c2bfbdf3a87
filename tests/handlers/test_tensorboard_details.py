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

from pathlib import Path

import numpy as np
import pytest
import torch
from example_log import write_log
from sklearn import metrics as sklearn_metrics
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from monai_r2c.handlers.drawings import draw_roc, roc_curve


def test_log_has_configuration_curves_histograms_and_hyperparameters(tmp_path: Path) -> None:
    log = EventAccumulator(str(write_log(tmp_path))).Reload()
    tags = log.Tags()
    assert {"configuration/text_summary", "validation_curves/precision_recall_class 1"} <= set(tags["tensors"])
    assert set(tags["images"]) == {"validation_curves/roc_class 1", "panel"}
    assert {"noise/poor", "noise/poor, restored", "sharpness/poor"} <= set(tags["histograms"])
    assert {"validation/auc", "validation_quality/noise", "generator/loss", "learning_rate/generator"} <= set(
        tags["scalars"]
    )
    text = log.Tensors("configuration/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| order | 3 |" in text
    assert [event.step for event in log.Tensors("validation_curves/precision_recall_class 1")] == [2, 4]
    histogram = log.Histograms("noise/poor")[0].histogram_value
    assert histogram.num == 6
    hyperparameters = EventAccumulator(str(tmp_path / "hyperparameters")).Reload()
    assert "validation/auc" in hyperparameters.Tags()["scalars"]


def test_more_classes_have_a_curve_each(tmp_path: Path) -> None:
    log = EventAccumulator(str(write_log(tmp_path, classes=3))).Reload()
    assert {f"validation_curves/roc_class {index}" for index in range(3)} <= set(log.Tags()["images"])


def test_roc_curve_equals_that_of_scikit_learn_with_ties() -> None:
    scores = torch.tensor([0.1, 0.4, 0.4, 0.8, 0.8, 0.9])
    positive = torch.tensor([False, True, False, False, True, True])
    false, true = roc_curve(scores, positive)
    wanted = sklearn_metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert np.allclose(false, wanted[0])
    assert np.allclose(true, wanted[1])


def test_drawn_curve_passes_the_upper_left_corner_for_a_perfect_classifier() -> None:
    drawing = draw_roc(torch.tensor([0.1, 0.9]), torch.tensor([False, True]))
    assert drawing.shape == (3, 420, 420)
    assert drawing.dtype == torch.uint8
    blue = (drawing[2].int() - drawing[0].int()) > 100
    rows, columns = blue.nonzero(as_tuple=True)
    assert (rows.min().item(), columns.min().item()) == pytest.approx((20, 56), abs=3)

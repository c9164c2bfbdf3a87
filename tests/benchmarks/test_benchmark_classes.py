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

import pytest
import torch

from benchmarks.restoration.beds import Bed
from benchmarks.restoration.classification import ClassJob, classification_section, run_class_job
from benchmarks.restoration.classifiers import ClassifierTraining, probabilities
from benchmarks.restoration.indicators import indicator_probabilities
from benchmarks.restoration.radiographs import LISTS, read_list
from benchmarks.restoration.settings import Settings, read_settings


def test_indicators_tell_classes_of_other_brightness_without_any_content() -> None:
    labels = [0, 1] * 10
    images = torch.stack([0.3 + 0.3 * label + 0.05 * torch.rand(1, 32, 32) for label in labels])
    found = indicator_probabilities(images, labels, images)
    assert found.argmax(1).tolist() == labels


@pytest.mark.parametrize("state", ["poor", "good"])
def test_a_class_result_is_of_the_test_images(state: str, work: Path, settings: Settings) -> None:
    result = run_class_job(ClassJob("unknown", "indicators", state), work, settings)
    bed = Bed(work / "beds/unknown", settings)
    assert result["labels"] == [image.label for image in bed.select("test", "poor")]
    assert len(result["probabilities"]) == 3
    assert all(0 <= probability <= 1 for probability in result["probabilities"])


def test_the_table_names_classifier_state_and_scores() -> None:
    result = {
        "bed": "covid",
        "classifier": "indicators",
        "state": "poor",
        "minutes": 0.0,
        "restorer_minutes": 0.0,
        "patients": list("abcd"),
        "labels": [0, 0, 1, 1],
        "probabilities": [0.1, 0.2, 0.8, 0.9],
    }
    section = classification_section([result])
    assert "| indicators | poor | 0.0 | 0.0 | 1.00 (1.00 to 1.00) |" in section
    assert "none says anything\nabout covid" in section


def test_a_classifier_learns_a_square() -> None:
    """Two classes that differ by a bright square; five steps of a small network do."""
    torch.manual_seed(0)
    labels = [0, 1] * 8
    images = torch.zeros(16, 1, 16, 16)
    images[1::2, :, 4:12, 4:12] = 1
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
    training = ClassifierTraining(network, images, labels, seed=0, learning_rate=0.01)
    training.run(lambda: training.steps < 5)
    assert probabilities(network, images).argmax(1).tolist() == labels


def test_every_task_has_its_list_of_images() -> None:
    settings = read_settings()
    for task in LISTS:
        assert {radiograph.label for radiograph in read_list(task)} == set(settings.tasks[task])

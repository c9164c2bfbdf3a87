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

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from monai_r2c.data import measure_quality

_LARGEST_CNR = 1e3  # an image without noise has an infinite ratio


def indicators(images: torch.Tensor) -> np.ndarray:
    """Noise, sharpness, contrast, exposure and clipping of ``(images, 1, rows, columns)``: ``(images, 12)``.

    They know nothing of a lung.
    """
    rows = [astuple(measure_quality(image.clamp(0, 1))) for image in images]
    return np.clip(np.nan_to_num(np.array(rows, dtype=np.float64), posinf=_LARGEST_CNR), None, 1e6)


def indicator_probabilities(train: torch.Tensor, labels: Sequence[int], test: torch.Tensor) -> torch.Tensor:
    """Class probabilities ``(images, 2)`` of a logistic regression on the indicators alone."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    model.fit(indicators(train), list(labels))
    return torch.from_numpy(model.predict_proba(indicators(test)))

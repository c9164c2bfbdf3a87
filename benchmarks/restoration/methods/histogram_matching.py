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

import numpy as np
import torch
from skimage.exposure import match_histograms

from ..filter_method import FilterMethod


def mean_good_image(good: torch.Tensor) -> dict[str, Any]:
    """An image with the gray values of all good ones: the mean of their sorted pixels."""
    return {"reference": good.flatten(1).sort(1).values.mean(0).reshape(good.shape[2:]).double().numpy()}


def match(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return np.asarray(match_histograms(image, reference))


METHOD = FilterMethod("histogram of good images", match, from_good=mean_good_image)

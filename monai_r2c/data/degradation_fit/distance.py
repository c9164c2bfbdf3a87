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

import numpy as np

_PROJECTIONS = 128
_QUANTILES = (np.arange(64) + 0.5) / 64


def distribution_distance(first: np.ndarray, second: np.ndarray, scale: np.ndarray) -> float:
    """Sliced Wasserstein-1 distance of two samples of indicators, each axis in units of `scale`.

    The mean over the axes themselves and the mean over 128 fixed random directions, half each: the axes see each
    indicator alone, the directions how indicators go together.

    Args:
        first, second: ``(images, indicators)``; the numbers of images may differ.
        scale: ``(indicators,)``, above 0.

    Source: N. Bonneel et al., "Sliced and Radon Wasserstein Barycenters of Measures", J. Math. Imaging Vis. 51 (2015)
        22-45, doi:10.1007/s10851-014-0506-3.
    """
    size = len(scale)
    directions = np.random.default_rng(0).standard_normal((size, _PROJECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    parts = []
    for axes in (np.eye(size), directions):
        quantiles = [np.quantile(sample / scale @ axes, _QUANTILES, axis=0) for sample in (first, second)]
        parts.append(np.abs(quantiles[0] - quantiles[1]).mean())
    # a random direction holds 1 / sqrt(size) of each axis
    return float((parts[0] + parts[1]) / 2)

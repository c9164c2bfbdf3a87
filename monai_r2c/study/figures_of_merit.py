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

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FigureOfMerit:
    """A figure such as the AUC of each method and reader, and the same without each of the cases.

    Args:
        values: ``(methods, readers)``.
        without: ``(cases, methods, readers)``, the jackknife.
    """

    values: np.ndarray
    without: np.ndarray

    def covariance(self) -> np.ndarray:
        """Jackknife covariance ``(methods, readers, methods, readers)`` of the values."""
        cases, methods, readers = self.without.shape
        centred = (self.without - self.without.mean(0)).reshape(cases, -1)
        matrix = centred.T @ centred * (cases - 1) / cases
        return matrix.reshape(methods, readers, methods, readers)


def auc(scores: np.ndarray, positive: np.ndarray) -> FigureOfMerit:
    """Empirical area under the ROC curve, ties half.

    Args:
        scores: ``(methods, readers, cases)``, higher for positive.
        positive: bool ``(cases,)``, with at least two of each.
    """
    above = scores[..., positive][..., :, None] - scores[..., ~positive][..., None, :]
    kernel = (above > 0) + 0.5 * (above == 0)
    positives, negatives = kernel.shape[-2:]
    total = kernel.sum((-2, -1))
    without = np.empty((len(positive), *total.shape))
    without[positive] = np.moveaxis((total[..., None] - kernel.sum(-1)) / ((positives - 1) * negatives), -1, 0)
    without[~positive] = np.moveaxis((total[..., None] - kernel.sum(-2)) / (positives * (negatives - 1)), -1, 0)
    return FigureOfMerit(total / (positives * negatives), without)


def share(hits: np.ndarray) -> FigureOfMerit:
    """Share of hits, such as sensitivity among positive cases or specificity among negative ones.

    Args:
        hits: ``(methods, readers, cases)`` of 0 and 1, at least two cases.
    """
    cases = hits.shape[-1]
    total = hits.sum(-1)
    return FigureOfMerit(total / cases, np.moveaxis((total[..., None] - hits) / (cases - 1), -1, 0))

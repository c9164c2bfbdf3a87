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
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

_BINS = 4  # a pixel, as the standard has it
_LEAST = 16
_STEEPEST = math.tan(math.radians(40))


@dataclass(frozen=True)
class EdgeResponse:
    """How an edge is blurred: the edge spread function of a slanted edge, and the MTF that follows from it.

    Args:
        positions: distances from the edge in pixels, in steps of a quarter of a pixel.
        spread: mean gray at each of them.
        slope: columns that the edge moves with each row.
    """

    positions: np.ndarray
    spread: np.ndarray
    slope: float

    @property
    def contrast(self) -> float:
        """Difference of gray between the two ends of the edge spread function."""
        outer = max(1, len(self.spread) // 8)
        return float(abs(self.spread[-outer:].mean() - self.spread[:outer].mean()))

    def mtf(self, frequencies: float | Sequence[float] | np.ndarray) -> np.ndarray:
        """Modulation transfer at frequencies in cycles a pixel, 1 at frequency 0.

        The line spread function is the derivative of the edge spread function under a Hamming window. What bins and
        differences take is given back, so this is the transfer of the image alone, its pixels' aperture included.

        Args:
            frequencies: of any shape; Nyquist's is 0.5.

        Returns:
            Moduli of the same shape, 0 and up.
        """
        line = np.diff(self.spread) * np.hamming(len(self.spread) + 1)[1:-1]
        middles = (self.positions[1:] + self.positions[:-1]) / 2
        wanted = np.asarray(frequencies, dtype=np.float64)
        transformed = np.exp(-2j * np.pi * wanted[..., None] * middles) @ line
        # a bin is a mean over a quarter of a pixel, a difference one more
        return np.abs(transformed) / (abs(line.sum()) * np.sinc(wanted / _BINS) ** 2)


def edge_response(image: np.ndarray | torch.Tensor) -> EdgeResponse:
    """Measure the edge spread function of one straight edge, by the slanted-edge method.

    Each row tells where the edge is by the centroid of its derivative; a straight line through these places turns all
    pixels into samples of one profile, in bins of a quarter of a pixel.

    Args:
        image: ``(rows, columns)``, optionally with a leading 1, at least 16 pixels a side: one edge, within 40 degrees
            of the columns or of the rows but along neither (some 2 to 10 degrees are best), with an even gray on both
            sides. Noise is averaged over the edge's length, and what is left of it raises the MTF.

    Raises:
        ValueError: when the image has another shape or values that are not finite, or no edge is found in it.

    Source: ISO 12233:2017, annex D (e-SFR); P. Burns, "Slanted-edge MTF for digital camera and scanner analysis",
    PICS 2000.

    Example:
        >>> response = edge_response(slanted_edge(64, angle=5.0))
        >>> float(response.mtf(0.25))  # half of Nyquist's frequency
        0.9
    """
    values = np.asarray(torch.as_tensor(image).detach().cpu(), dtype=np.float64)
    values = values[0] if values.ndim == 3 and len(values) == 1 else values
    if values.ndim != 2 or min(values.shape) < _LEAST:
        raise ValueError(f"an edge must be (rows, columns) of at least {_LEAST} pixels a side, got {np.shape(image)}.")
    if not np.isfinite(values).all():
        raise ValueError("an edge must have finite values.")
    if np.abs(np.diff(values.mean(1))).max() > np.abs(np.diff(values.mean(0))).max():
        values = values.T  # the edge lies along the rows
    slope, start = _line(values)
    rows, columns = values.shape
    across = (np.arange(columns)[None] - (start + slope * np.arange(rows))[:, None]) / math.hypot(1, slope)
    # as far as every row reaches on both sides
    reach = math.floor(_BINS * min(-across[:, 0].max(), across[:, -1].min()))
    if reach < _BINS * 4:
        raise ValueError("an edge must lie at least 4 pixels away from the sides that it runs along; none such found.")
    numbers = np.floor(across * _BINS).astype(int) + reach
    inside = (numbers >= 0) & (numbers < 2 * reach)
    counts = np.bincount(numbers[inside], minlength=2 * reach)
    sums = np.bincount(numbers[inside], values[inside], minlength=2 * reach)
    positions = (np.arange(2 * reach) - reach + 0.5) / _BINS
    filled = counts > 0  # all, but where the edge hardly slants
    spread = np.interp(positions, positions[filled], sums[filled] / counts[filled])
    return EdgeResponse(positions, spread, slope)


def _line(values: np.ndarray) -> tuple[float, float]:
    """Columns a row, and the column in the first row, of an edge that runs along the columns."""
    rows, columns = np.arange(values.shape[0]), np.arange(1, values.shape[1] - 1)
    steps = (values[:, 2:] - values[:, :-2]) / 2
    steps = steps * np.sign(steps.sum())
    middle: np.ndarray = np.full(len(rows), float(columns[np.abs(steps.mean(0)).argmax()]))
    slope = start = 0.0
    half = values.shape[1]
    for _ in range(6):  # the window closes in on the line, so that noise beside it does not pull
        distance = (columns[None] - middle[:, None]) / half
        window = np.where(np.abs(distance) < 1, 0.54 + 0.46 * np.cos(np.pi * distance), 0)
        weights = steps * window
        total = weights.sum(1)
        known = total > 0.2 * np.median(total)
        if np.median(total) <= 0 or known.sum() < 2:
            raise ValueError("no edge was found: gray does not rise across the columns or the rows.")
        centroids = (weights[known] * columns).sum(1) / total[known]
        slope, start = (float(value) for value in np.polyfit(rows[known], centroids, 1))
        middle = start + slope * rows
        half = max(half / 2, 12)
    if abs(slope) > _STEEPEST:
        raise ValueError("an edge must lie within 40 degrees of the columns or of the rows; none such found.")
    return slope, start

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

import numpy as np

from monai_r2c.utils import InputError

# a patch with an edge takes this part of the image's side, and its measured middle this part of the patch
_PATCH, _MIDDLE = 1 / 6, 0.75


def slanted_edge(size: int, angle: float = 5.0, levels: tuple[float, float] = (0.35, 0.65)) -> np.ndarray:
    """Draw a straight edge through the middle of a square, each pixel the exact mean over its area.

    Its MTF across the edge is that of the pixels' aperture alone: ``sinc(f cos angle) sinc(f sin angle)``.

    Args:
        size: pixels a side, at least 16.
        angle: of the edge against the columns in degrees, above 0 and at most 45.
        levels: gray on the left and on the right, in [0, 1].

    Returns:
        Image ``(size, size)``, float32.

    Raises:
        InputError: when an argument is outside its values.
    """
    if size < 16 or not 0 < angle <= 45 or not all(0 <= level <= 1 for level in levels):
        raise InputError(
            "slanted_edge: size must be at least 16, angle above 0 and at most 45 degrees, levels in [0, 1]; got "
            f"{size}, {angle}, {levels}."
        )
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along = np.arange(size) - (size - 1) / 2
    distance = along[None] * cos - along[:, None] * sin
    # a square's shadow on the edge's normal is a trapezium; its integral is the share of the pixel beyond the edge
    corners = [(1, (cos + sin) / 2), (-1, (cos - sin) / 2), (-1, (sin - cos) / 2), (1, -(cos + sin) / 2)]
    share = sum(sign * np.square(np.maximum(distance + corner, 0)) for sign, corner in corners) / (2 * cos * sin)
    low, high = levels
    return (low + (high - low) * np.clip(share, 0, 1)).astype(np.float32)


def edges_of(size: int) -> list[tuple[slice, slice]]:
    """Where `with_edges` puts edges into an image of this size: rows and columns of what is to be measured.

    The first edge lies along the columns, the second one along the rows.
    """
    side = _patch_side(size)
    margin = round(side * (1 - _MIDDLE) / 2)
    return [(slice(r + margin, r + side - margin), slice(c + margin, c + side - margin)) for r, c in _corners(size)]


def with_edges(film: np.ndarray, angle: float = 5.0, levels: tuple[float, float] = (0.35, 0.65)) -> np.ndarray:
    """Lay two test objects with a slanted edge onto a radiograph, as one lays them onto a detector.

    What a restorer leaves of their sharpness is its MTF among the structures that it was made for; it need not be the
    same everywhere, since such networks are not linear.

    Args:
        film: ``(size, size)`` in [0, 1], at least 128 pixels a side.
        angle, levels: see `slanted_edge`.

    Returns:
        A copy of the film with the edges at `edges_of`.

    Raises:
        InputError: when the film has another shape or is smaller, or as `slanted_edge`.
    """
    if film.ndim != 2 or film.shape[0] != film.shape[1] or len(film) < 128:
        raise InputError(f"with_edges: a film must be square of at least 128 pixels a side, got {film.shape}.")
    edge = slanted_edge(_patch_side(len(film)), angle, levels)
    film = film.astype(np.float32)
    for (row, column), patch in zip(_corners(len(film)), (edge, edge.T)):
        film[row : row + len(edge), column : column + len(edge)] = patch
    return film


def _patch_side(size: int) -> int:
    return round(size * _PATCH)


def _corners(size: int) -> list[tuple[int, int]]:
    """Upper left corners, in the middle of the two lungs."""
    side = _patch_side(size)
    return [(round(0.45 * size - side / 2), round(share * size - side / 2)) for share in (0.3, 0.7)]

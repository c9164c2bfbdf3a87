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

"""Convolution with kernels of 3 x 3 by 36 instead of 144 products for sixteen pixels: Winograd's F(4 x 4, 3 x 3).

Sixteen pixels of the output, four by four, hang on a tile of 6 x 6 pixels of the input. Tile, kernel and output are
brought into a space in which the convolution is a product for each of 36 numbers, over all channels and tiles at once a
product of matrices.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", arXiv:1509.09308.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .powers import is_channels_last

ROWS = 4  # the rows of a result must be a multiple of these, and its columns
_OUT, _TILE = ROWS, 6  # pixels a side of what a tile gives, and of a tile
_TO_TILE = (  # how a kernel of three pixels becomes six numbers
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 1.0),
)


@dataclass(frozen=True)
class Way:
    """How the products are taken, and from when on they pay.

    Args:
        strip_bytes: what the tiles of a strip of rows may take: 2.25 times what their pixels do.
        least_channels: half the harmonic mean of those in and out. Bringing pixels to tiles and back costs the same for
            any number of products, so there must be many of them.
        least_pixels: of the image.
        one_by_one: by oneDNN, a call for each of the 36, rather than as torch's batch of products.
    """

    strip_bytes: int
    least_channels: int
    least_pixels: int
    one_by_one: bool


_BATCH = Way(6 * 2**20, 40, 32 * 32, False)  # tiles that stay in the cache
_ONE_BY_ONE = Way(24 * 2**20, 60, 64 * 64, True)  # fewer calls with more to do
# Rate of torch's batch of products to that of oneDNN's convolution below which oneDNN takes the products. One processor
# was met at about 1, one at 0.4: noise of the measurement should not cross it.
_SLOW = 0.65
_KEPT_BYTES = 128 * 2**20
_of_thread = threading.local()


@functools.cache
def way_of_this_machine() -> Way:
    """Measured once in a process, in some 20 ms: torch's products are at half of what some processors can do."""
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return _BATCH
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        tiles, numbers = torch.ones(_TILE**2, 128, 192), torch.ones(_TILE**2, 192, 64)
        image = torch.ones(1, 192, 34, 34).to(memory_format=torch.channels_last)
        weight = torch.ones(64, 192, 3, 3).to(memory_format=torch.channels_last)
        batch, direct = math.inf, math.inf
        for _ in range(6):  # the first warms up
            batch = min(batch, _seconds(lambda: torch.bmm(tiles, numbers)))
            direct = min(direct, _seconds(lambda: F.conv2d(image, weight)))
    products = tiles.numel() * numbers.shape[2] / (weight.numel() * 32 * 32)
    return _ONE_BY_ONE if products * direct / batch < _SLOW else _BATCH


def _seconds(call: Callable[[], torch.Tensor]) -> float:
    start = time.thread_time()  # other threads may be at work in the process
    call()
    return time.thread_time() - start


def pays(x: torch.Tensor, weight: torch.Tensor, padded: Sequence[int]) -> bool:
    """Whether this is faster than a direct convolution with stride 1, and open to it.

    Args:
        x: what the image comes from, with its batch, type, device and memory format.
        weight: see `convolve`.
        padded: rows and columns of the image.
    """
    out_channels, in_channels, *kernel = weight.shape
    if (
        kernel == [3, 3]
        and x.dtype == weight.dtype == torch.float32
        and x.device.type == "cpu"
        and is_channels_last(x)
        and not any((length - 2) % _OUT for length in padded)
    ):
        channels, pixels = in_channels * out_channels / (in_channels + out_channels), len(x) * math.prod(padded)
        if channels >= _BATCH.least_channels and pixels >= _BATCH.least_pixels:
            way = way_of_this_machine()
            return channels >= way.least_channels and pixels >= way.least_pixels
    return False


def convolve(
    image: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, numbers: torch.Tensor | None = None
) -> torch.Tensor:
    """Convolve an image that is padded already.

    Args:
        image: ``(batch, in_channels, rows, columns)``, channels last in memory, rows and columns two more than a
            multiple of four.
        weight: ``(out_channels, in_channels, 3, 3)``.
        bias: ``(out_channels,)`` or None.
        numbers: of the weight (`numbers_of`), where they are known.

    Returns:
        ``(batch, out_channels, rows - 2, columns - 2)``, channels last in memory; that of a direct convolution but for
        rounding, which is some ten times as large.
    """
    numbers = numbers_of(weight) if numbers is None else numbers
    pixels = image.permute(0, 2, 3, 1)
    batch, rows, columns, _ = pixels.shape
    result = pixels.new_empty(batch, rows - 2, columns - 2, len(weight))
    strip = _strip_of(pixels)
    shapes = _shapes_of_tiles(pixels.shape, strip)
    of_products = (*shapes[1][:-1], len(weight))
    lines, tiles, products, sums = _space(pixels, *shapes, of_products, (_OUT, *of_products[1:]))
    for start in range(0, rows - 2, strip):
        _fill_tiles(pixels[:, start : start + strip + 2], lines, tiles)
        _multiply(_as_matrices(tiles), numbers, _as_matrices(products))
        _write_pixels(products, sums, result[:, start : start + strip])
    if bias is not None:
        result += bias
    return result.permute(0, 3, 1, 2)


def gradient_of_image(gradient: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The gradient of the image, from that of `convolve`'s result: a convolution with the kernels turned."""
    rows, columns = (length + 2 for length in gradient.shape[2:])
    padded = F.pad(gradient, (2, 2 + -columns % _OUT, 2, 2 + -rows % _OUT))
    turned = weight.flip(2, 3).transpose(0, 1)
    return convolve(_channels_last(padded), turned, None)[:, :, :rows, :columns]


def gradient_of_weight(gradient: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """The gradient of the weight, from the image and the gradient of `convolve`'s result."""
    pixels, gradients = image.permute(0, 2, 3, 1), _channels_last(gradient).permute(0, 2, 3, 1)
    strip = _strip_of(pixels)
    shapes = _shapes_of_tiles(pixels.shape, strip)
    of_lines, of_shares = (*shapes[0][:3], *gradients.shape[2:]), (*shapes[1][:-1], gradients.shape[3])
    lines, tiles, share_lines, shares = _space(pixels, *shapes, of_lines, of_shares)
    total = pixels.new_zeros(_TILE**2, pixels.shape[3], gradients.shape[3])
    for start in range(0, gradients.shape[1], strip):
        _fill_tiles(pixels[:, start : start + strip + 2], lines, tiles)
        _fill_shares(gradients[:, start : start + strip], share_lines, shares)
        total.baddbmm_(_as_matrices(tiles).transpose(1, 2), _as_matrices(shares))
    return (_to_tiles(total).T @ total.flatten(1)).view(3, 3, *total.shape[1:]).permute(3, 2, 0, 1)


def numbers_of(weight: torch.Tensor) -> torch.Tensor:
    """What a weight is in the space of tiles: ``(36, out_channels, in_channels)``."""
    return (_to_tiles(weight) @ weight.permute(2, 3, 0, 1).reshape(9, -1)).view(-1, *weight.shape[:2])


def _multiply(tiles: torch.Tensor, numbers: torch.Tensor, out: torch.Tensor) -> None:
    """``(36, tiles, in_channels)`` by ``(36, out_channels, in_channels)``."""
    if tiles.dtype == torch.float32 and way_of_this_machine().one_by_one:
        for place, tile, number in zip(out, tiles, numbers):
            place.copy_(torch.ops.mkldnn._linear_pointwise(tile, number, None, "none", [], ""))
    else:
        torch.bmm(tiles, numbers.transpose(1, 2), out=out)


def _to_tiles(like: torch.Tensor) -> torch.Tensor:
    """``(36, 9)``: how a kernel of 3 x 3 becomes the numbers of a tile."""
    matrix = like.new_tensor(_TO_TILE)
    return torch.kron(matrix, matrix)


def _strip_of(pixels: torch.Tensor) -> int:
    """Rows of the result that are taken at once: strips are of one length, so that they can share their memory."""
    batch, rows, columns, channels = pixels.shape
    total = (rows - 2) // _OUT
    most = way_of_this_machine().strip_bytes // (
        batch * (columns // _OUT) * _TILE**2 * channels * pixels.element_size()
    )
    return _OUT * max(count for count in range(1, total + 1) if total % count == 0 and count <= max(most, 1))


def _shapes_of_tiles(pixels: Sequence[int], strip: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the tiles of a strip when their rows are summed up, and when their columns are too."""
    batch, _, columns, channels = pixels
    lines = (_TILE, batch, strip // _OUT, columns, channels)
    return lines, (_TILE, *lines[:3], (columns - 2) // _OUT, channels)


def _space(like: torch.Tensor, *shapes: Sequence[int]) -> list[torch.Tensor]:
    """Memory that holds nothing as yet. A thread keeps it for its next call: the system clears each fresh page."""
    counts = [math.prod(shape) for shape in shapes]
    total = sum(counts)
    if like.dtype != torch.float32 or total * like.element_size() > _KEPT_BYTES:
        space = like.new_empty(total)
    else:
        kept: torch.Tensor | None = getattr(_of_thread, "space", None)
        if kept is None or len(kept) < total:
            with torch.inference_mode(False):  # what is made in that mode may not be written to outside of it
                kept = _of_thread.space = torch.empty(total, dtype=torch.float32, device="cpu")
        space = kept
    return [part.view(*shape) for part, shape in zip(space[:total].split(counts), shapes)]


def _as_matrices(tiles: torch.Tensor) -> torch.Tensor:
    return tiles.view(_TILE**2, -1, tiles.shape[-1])


def _fill_tiles(pixels: torch.Tensor, lines: torch.Tensor, tiles: torch.Tensor) -> None:
    """Tiles that overlap by two pixels: ``(6, 6, batch, down, across, channels)``."""
    down, across = tiles.shape[3:5]
    _differences([pixels[:, i : i + _OUT * down - 3 : _OUT] for i in range(_TILE)], lines)
    for line, row in zip(lines, tiles):
        _differences([line[:, :, i : i + _OUT * across - 3 : _OUT] for i in range(_TILE)], row)


def _differences(pixels: Sequence[torch.Tensor], out: torch.Tensor) -> None:
    """The six sums of six pixels in a row that make a tile; the first and the last hold others meanwhile."""
    even, odd = out[0], out[5]
    torch.add(pixels[4], pixels[2], alpha=-4, out=even)
    torch.add(pixels[3], pixels[1], alpha=-4, out=odd)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(pixels[4], pixels[2], out=even)
    torch.sub(pixels[3], pixels[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.add(even, odd, alpha=-2, out=out[4])
    even.add_(pixels[0], alpha=4).sub_(pixels[2], alpha=4)
    odd.mul_(-4).add_(pixels[5]).sub_(pixels[3])


def _write_pixels(products: torch.Tensor, sums: torch.Tensor, result: torch.Tensor) -> None:
    """Bring ``(6, 6, batch, down, across, channels)`` back to pixels ``(batch, rows, columns, channels)``."""
    _sums(products, sums)
    for row, line in enumerate(sums):
        _sums(line, [result[:, row::_OUT, column::_OUT] for column in range(_OUT)])


def _sums(products: torch.Tensor, out: Sequence[torch.Tensor] | torch.Tensor) -> None:
    """The four sums of six numbers that are the pixels of a row; each holds a part of them first."""
    torch.add(products[1], products[2], out=out[0])
    torch.sub(products[1], products[2], out=out[1])
    torch.add(products[3], products[4], out=out[2])
    torch.sub(products[3], products[4], out=out[3])
    out[0].add_(out[2])
    out[1].add_(out[3], alpha=2)
    out[2].mul_(3).add_(out[0])
    out[3].mul_(6).add_(out[1]).add_(products[5])
    out[0].add_(products[0])


def _fill_shares(gradient: torch.Tensor, lines: torch.Tensor, shares: torch.Tensor) -> None:
    """The transpose of `_write_pixels`: from pixels to ``(6, 6, batch, down, across, channels)``."""
    _shares([gradient[:, i::_OUT] for i in range(_OUT)], lines)
    for line, row in zip(lines, shares):
        _shares([line[:, :, i::_OUT] for i in range(_OUT)], row)


def _shares(pixels: Sequence[torch.Tensor], out: torch.Tensor) -> None:
    """The transpose of `_sums`; the first and the last hold others meanwhile."""
    even, odd = out[0], out[5]
    torch.add(pixels[0], pixels[2], out=even)
    torch.add(pixels[1], pixels[3], out=odd)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.add(pixels[0], pixels[2], alpha=4, out=even)
    torch.add(pixels[1], pixels[3], alpha=4, out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.add(even, odd, alpha=-2, out=out[4])
    even.copy_(pixels[0])
    odd.copy_(pixels[3])


def _channels_last(image: torch.Tensor) -> torch.Tensor:
    return image.contiguous(memory_format=torch.channels_last)

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

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from monai.inferers import Inferer

from monai_r2c.utils import InputError
from monai_r2c.utils.metadata import plain_tensor, with_metadata_of

from .tone import with_tone_of

LONGEST = 64
"""An image whose longer side is more than this many times its shorter one is no radiograph, and is refused."""


class RestorationInferer(Inferer):
    """Runs a restorer one to n times over its own output, and returns what the restorer does.

    A network of one tensor gives one tensor, as with MONAI's inferers; one that returns ``(image, logits)`` gives the
    image of the last pass and the logits of the first, which are those of the input. `all_passes` gives the rest.
    Images made of a MetaTensor have its metadata and operations; the network gets a plain tensor, which is quicker.

    Args:
        passes: how often, at least 1.
        size: at what size the restorer works: ``"native"``, that of the input, or the length in pixels of the shorter
            side, such as the size it was trained at. Images are then resized with their aspect ratio kept (bilinear,
            with antialiasing), restored, and the result of each pass resampled to the size of the input (bicubic,
            clipped to [-1, 1]): detail finer than the working size is lost. ``"native"`` keeps all detail, but the
            restorer sees structures at another scale than in training, unless it was made for it (see `working_size`),
            and needs memory in proportion to the pixels.
        max_enlargement: the most that a result may be enlarged by, see `enlargement`; None is any.
        keep_tone: whether the result of each pass is brought back to the exposure and contrast of the input
            (`with_tone_of`), so that noise, blur and scatter alone are taken away.

    Raises:
        ValueError: when `passes`, a length or `max_enlargement` is below 1, or `size` is another word; on a call, when
            `size` is a length and the images have not 2 spatial dimensions.
        InputError: on a call, when the result would be enlarged more, or a side is more than `LONGEST` times the other.

    Example:
        >>> inferer = RestorationInferer(passes=2, size=256)
        >>> image, logits = inferer(torch.zeros(1, 1, 500, 400), restorer)
        >>> tuple(image.shape), tuple(logits.shape), len(inferer.all_passes(image, restorer))
        ((1, 1, 500, 400), (1, 2), 2)
    """

    def __init__(
        self,
        passes: int = 1,
        size: int | str = "native",
        max_enlargement: float | None = None,
        keep_tone: bool = False,
    ) -> None:
        if passes < 1:
            raise ValueError(f"passes must be at least 1, got {passes}.")
        if size != "native" and (not isinstance(size, int) or size < 1):
            raise ValueError(f'size must be "native" or a length of at least 1 pixel, got {size!r}.')
        if max_enlargement is not None and not max_enlargement >= 1:
            raise ValueError(f"max_enlargement must be at least 1, or None for any, got {max_enlargement!r}.")
        self.passes = passes
        self.size = size
        self.max_enlargement = max_enlargement
        self.keep_tone = keep_tone

    def enlargement(self, shape: Sequence[int]) -> float:
        """How many times the result of an image of this spatial shape is enlarged: at least 1, which loses nothing."""
        return max(1.0, min(shape) / self.size) if isinstance(self.size, int) else 1.0

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """Restore a batch.

        Args:
            inputs: ``(batch, channels, *spatial)`` in [-1, 1].
            network: a restorer that returns the image, or ``(image, logits)``.
            args: further positional arguments of the network.
            kwargs: further named arguments of the network.

        Returns:
            The restored image, of the input's shape in [-1, 1]; with it the logits ``(batch, classes)`` of the input,
            where the network gives logits.
        """
        results = self.all_passes(inputs, network, *args, **kwargs)
        restored, logits = results[-1][0], results[0][1]
        return restored if logits is None else (restored, logits)

    def all_passes(
        self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> list[tuple[torch.Tensor, Any]]:
        """Restore a batch and keep what every pass gives; arguments as of a call.

        Returns:
            For each pass the restored image, of the input's shape in [-1, 1], and the logits ``(batch, classes)`` of
            the image that went into the pass, or None. The first pass has those of the image itself.
        """
        self._check(inputs.shape[2:])
        image = self._at_working_size(plain_tensor(inputs))
        results = []
        for _ in range(self.passes):
            result = network(image, *args, **kwargs)
            image, logits = (result, None) if isinstance(result, torch.Tensor) else result
            restored = _resampled(image, inputs.shape[2:])
            if self.keep_tone:
                restored = with_tone_of(restored, plain_tensor(inputs))
            results.append((with_metadata_of(inputs, restored), logits))
        return results

    def _check(self, shape: Sequence[int]) -> None:
        sides = " x ".join(str(int(length)) for length in shape)
        if len(shape) == 2 and max(shape) > LONGEST * min(shape):
            raise InputError(f"has {sides} pixels; one side may be at most {LONGEST} times the other.")
        factor = self.enlargement(shape)
        if self.max_enlargement is not None and factor > self.max_enlargement:
            raise InputError(
                f"has {sides} pixels, {factor:.1f} times the {self.size} at which this model works, so finer detail "
                f"would be lost; allowed are {self.max_enlargement:g} times: use a model that keeps native detail, or "
                "allow more by max_enlargement (--max-enlargement)."
            )

    def _at_working_size(self, inputs: torch.Tensor) -> torch.Tensor:
        if not isinstance(self.size, int):
            return inputs
        if inputs.dim() != 4:
            raise ValueError(f"images must be (batch, channels, rows, columns), got shape {tuple(inputs.shape)}.")
        shorter = min(inputs.shape[2:])
        if shorter == self.size:
            return inputs
        wanted = [round(length * self.size / shorter) for length in inputs.shape[2:]]
        return F.interpolate(inputs, wanted, mode="bilinear", antialias=True)


def _resampled(image: torch.Tensor, size: torch.Size) -> torch.Tensor:
    if image.shape[2:] == size:
        return image
    return F.interpolate(image.float(), list(size), mode="bicubic", antialias=True).clamp(-1, 1)

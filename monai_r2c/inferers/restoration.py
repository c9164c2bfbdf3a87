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

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from monai.inferers import Inferer

from monai_r2c.utils.metadata import plain_tensor, with_metadata_of


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
            restorer sees structures at another scale than in training, and needs memory in proportion to the pixels.

    Raises:
        ValueError: when `passes` or a length is below 1, or `size` is another word; on a call, when `size` is a length
            and the images have not 2 spatial dimensions.

    Example:
        >>> inferer = RestorationInferer(passes=2, size=256)
        >>> image, logits = inferer(torch.zeros(1, 1, 500, 400), restorer)
        >>> tuple(image.shape), tuple(logits.shape), len(inferer.all_passes(image, restorer))
        ((1, 1, 500, 400), (1, 2), 2)
    """

    def __init__(self, passes: int = 1, size: int | str = "native") -> None:
        if passes < 1:
            raise ValueError(f"passes must be at least 1, got {passes}.")
        if size != "native" and (not isinstance(size, int) or size < 1):
            raise ValueError(f'size must be "native" or a length of at least 1 pixel, got {size!r}.')
        self.passes = passes
        self.size = size

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
        image = self._at_working_size(plain_tensor(inputs))
        results = []
        for _ in range(self.passes):
            result = network(image, *args, **kwargs)
            image, logits = (result, None) if isinstance(result, torch.Tensor) else result
            results.append((with_metadata_of(inputs, _resampled(image, inputs.shape[2:])), logits))
        return results

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

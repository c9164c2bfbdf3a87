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

import torch
from torch import Tensor

from monai_r2c.utils import InputError


class ImagePool:
    """History of generated images for a discriminator's update: fakes of earlier steps beside those of this one.

    Item by item: until the pool is full, the image is stored and returned. Then, with probability 0.5, the image takes
    the place of a random stored one, which is returned instead; else the image is returned and not stored.

    Args:
        size: how many images are kept; 0 returns every image as it came.
        seed: seed of the pool's own random generator.

    Raises:
        InputError: when `size` is negative.

    Source: Shrivastava et al., "Learning from simulated and unsupervised images through adversarial training", CVPR
    2017, section 2.3, per item as CycleGAN and R2C-GAN do it.
    """

    def __init__(self, size: int = 50, seed: int = 0) -> None:
        if size < 0:
            raise InputError(f"pool_size must be 0 or more images, got {size}")
        self.size = size
        self._generator = torch.Generator().manual_seed(seed)
        self._buffer: Tensor | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __call__(self, images: Tensor) -> Tensor:
        """Pass a batch through the pool.

        Args:
            images: ``(batch, ...)``; stored on their device as detached copies.

        Returns:
            Images of the same shape, type and device, without gradient.

        Raises:
            InputError: when the images have another shape than the stored ones.
        """
        images = images.detach()
        if self.size == 0:
            return images
        buffer = self._buffer_for(images)
        result = images  # copied only when one of them is exchanged
        for index, image in enumerate(images):
            if self._count < self.size:
                buffer[self._count] = image
                self._count += 1
            elif torch.rand((), generator=self._generator) < 0.5:
                chosen = int(torch.randint(self.size, (), generator=self._generator))
                result = images.clone() if result is images else result
                result[index] = buffer[chosen]
                buffer[chosen] = image
        return result

    def state_dict(self) -> dict[str, Tensor]:
        """Return the stored images and the generator's state, so that a resumed run continues bit for bit."""
        images = torch.empty(0) if self._buffer is None else self._buffer[: self._count].clone()
        return {"images": images, "generator": self._generator.get_state()}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Restore what `state_dict` returned.

        Raises:
            InputError: when it holds more images than this pool keeps.
        """
        images = state_dict["images"]
        if len(images) > self.size:
            raise InputError(
                f"the checkpoint's image pool holds {len(images)} images, more than pool_size {self.size}; "
                "resume with the pool_size it was trained with"
            )
        self._generator.set_state(state_dict["generator"].cpu())
        self._count = len(images)
        self._buffer = None
        if len(images):
            self._buffer = images.new_empty((self.size, *images.shape[1:]))
            self._buffer[: len(images)] = images

    def _buffer_for(self, images: Tensor) -> Tensor:
        """The preallocated store on the images' device."""
        shape = tuple(images.shape[1:])
        if self._buffer is None:
            self._buffer = torch.empty((self.size, *shape), dtype=images.dtype, device=images.device)
        if self._buffer.shape[1:] != shape:
            raise InputError(
                f"the image pool holds images of shape {tuple(self._buffer.shape[1:])}, got {shape}; "
                "all images of a run must have one shape"
            )
        self._buffer = self._buffer.to(images.device)
        return self._buffer

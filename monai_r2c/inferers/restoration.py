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
from monai.inferers import Inferer


class RestorationInferer(Inferer):
    """Runs a restorer one to n times over its own output and keeps every pass.

    Args:
        passes: how often, at least 1.

    Raises:
        ValueError: when `passes` is below 1.
    """

    def __init__(self, passes: int = 1) -> None:
        if passes < 1:
            raise ValueError(f"passes must be at least 1, got {passes}.")
        self.passes = passes

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Restore a batch.

        Args:
            inputs: ``(batch, channels, *spatial)`` in [-1, 1].
            network: a restorer that returns ``(image, logits)``.
            args: further positional arguments of the network.
            kwargs: further named arguments of the network.

        Returns:
            For each pass the restored image, of the input's shape in [-1, 1], and the logits of the pass's input.
        """
        results = []
        image = inputs
        for _ in range(self.passes):
            image, logits = network(image, *args, **kwargs)
            results.append((image, logits))
        return results

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
import torch.nn as nn
from torch.nn.modules import module

from .instance_norm import InstanceNorm


class Chain(nn.Sequential):
    """Layers one after the other; where no gradient is needed, a ReLU overwrites the normalised features before it.

    Memory that was not in use is slow, and a light network is made of little else. What a hook may keep is left alone.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not torch.jit.is_scripting():
            return self._run(input)
        for layer in self:
            input = layer(input)
        return input

    @torch.jit.unused
    def _run(self, x: torch.Tensor) -> torch.Tensor:
        before: nn.Module | None = None
        for layer in self:
            over = type(layer) is nn.ReLU and isinstance(before, InstanceNorm) and is_spare(x, before, layer)
            x, before = x.relu_() if over else layer(x), layer
        return x


def is_spare(made: torch.Tensor, *modules: nn.Module) -> bool:
    """Whether what a layer has just made may be overwritten: no gradient is recorded, no hook of `modules` keeps it."""
    if torch.is_grad_enabled() or not isinstance(made, torch.Tensor):  # torch.fx records with something else
        return False
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        return False
    hooks = [module._global_forward_hooks, module._global_forward_pre_hooks]
    return not any(hooks) and not any(each._forward_hooks or each._forward_pre_hooks for each in modules)

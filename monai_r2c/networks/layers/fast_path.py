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

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.forward_ad import unpack_dual


class FastOperation(ABC):
    """A function of tensors that is computed in plain operations, or faster in a way that autograd does not see.

    The tensors are those that a gradient may be wanted of; some may be None. All else belongs to the operation.
    """

    @abstractmethod
    def plain(self, *tensors: Any) -> torch.Tensor:
        """Compute it in plain operations: these can be exported, compiled, transformed and differentiated again."""

    def suits(self, *tensors: Any) -> bool:
        """Whether the fast way is worthwhile for these tensors."""
        return True

    @abstractmethod
    def compute(self, *tensors: Any) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Return the result and what else `differentiate` wants to have kept."""

    @abstractmethod
    def differentiate(
        self, gradient: torch.Tensor, tensors: Sequence[Any], kept: Sequence[torch.Tensor], needs: Sequence[bool]
    ) -> Sequence[torch.Tensor | None]:
        """Return the gradient of each tensor that needs one."""

    def infer(self, *tensors: Any) -> torch.Tensor:
        """Compute the result where no gradient is needed."""
        return self.compute(*tensors)[0]

    def __call__(self, *tensors: torch.Tensor | None) -> torch.Tensor:
        """Compute it in the fast way where that is open, else in plain operations."""
        if torch.jit.is_tracing() or torch.compiler.is_compiling():
            return self.plain(*tensors)
        if not _are_ordinary(*tensors):
            return self._plain_contiguous(*tensors)
        if not self.suits(*tensors):
            return self.plain(*tensors)
        if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors):
            return _Node.apply(self, *tensors)
        with torch.no_grad():
            return self.infer(*tensors)

    def _plain_contiguous(self, *tensors: torch.Tensor | None) -> torch.Tensor:
        """Compute it plainly, in the memory format that all transforms of torch know."""
        return self.plain(*(None if tensor is None else tensor.contiguous() for tensor in tensors))


def _are_ordinary(*tensors: torch.Tensor | None) -> bool:
    """Whether the tensors hold real numbers in memory, alone: no torch.func, no tangents, nothing batched or empty."""
    if torch._C._are_functorch_transforms_active():  # what torch.autograd.Function asks too
        return False
    for tensor in tensors:
        if tensor is None:
            continue
        if tensor.numel() == 0 or not tensor.is_floating_point() or unpack_dual(tensor).tangent is not None:
            return False
        try:
            tensor.untyped_storage()
        except NotImplementedError:  # gradients that torch.autograd takes many of at once
            return False
    return True


class _Node(torch.autograd.Function):
    """A `FastOperation` as one node of autograd, which keeps the tensors and what `compute` asks for."""

    @staticmethod
    def forward(ctx: Any, operation: FastOperation, *tensors: torch.Tensor | None) -> torch.Tensor:
        result, kept = operation.compute(*tensors)
        ctx.operation, ctx.count = operation, len(tensors)
        ctx.save_for_backward(*tensors, *kept)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor | None, ...]:
        saved = ctx.saved_tensors  # read once: activation checkpointing computes them again at every reading
        tensors, kept = saved[: ctx.count], saved[ctx.count :]
        needs = ctx.needs_input_grad[1:]
        twice = torch.is_grad_enabled()  # whether a gradient of the gradient is wanted
        if not twice and _are_ordinary(*gradients):
            return None, *ctx.operation.differentiate(gradients[0], tensors, kept, needs)
        with torch.enable_grad():
            result = ctx.operation.plain(*tensors) if twice else ctx.operation._plain_contiguous(*tensors)
        wanted = [tensor for tensor, needed in zip(tensors, needs) if needed]
        found = iter(torch.autograd.grad(result, wanted, gradients, create_graph=twice))
        return None, *(next(found) if needed else None for needed in needs)

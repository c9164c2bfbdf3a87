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
        if not _is_open(*tensors) or not self.suits(*tensors):
            return self.plain(*tensors)
        if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors):
            return _Node.apply(self, *tensors)
        with torch.no_grad():
            return self.infer(*tensors)


def _is_open(*tensors: torch.Tensor | None) -> bool:
    """Whether nobody looks into the computation and the tensors are ordinary: the one gate of every fast way."""
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        return False
    if torch._C._are_functorch_transforms_active():  # torch.func; what torch.autograd.Function asks too
        return False
    return all(tensor is None or _is_ordinary(tensor) for tensor in tensors)


def _is_ordinary(tensor: torch.Tensor) -> bool:
    """Whether it holds real numbers in memory, alone: no tangent beside them, not many tensors batched into one."""
    if tensor.numel() == 0 or not tensor.is_floating_point() or unpack_dual(tensor).tangent is not None:
        return False
    try:
        tensor.untyped_storage()
    except NotImplementedError:  # the gradients that torch.autograd takes many of at once
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
        if not torch.is_grad_enabled() and _is_open(*gradients):
            return None, *ctx.operation.differentiate(gradients[0], tensors, kept, needs)
        twice = torch.is_grad_enabled()  # a gradient of the gradient is wanted; else many gradients at once
        with torch.enable_grad():
            if not twice:  # torch's own norm takes these in this layout alone
                inputs = [None if tensor is None else tensor.contiguous() for tensor in tensors]
            result = ctx.operation.plain(*(tensors if twice else inputs))
        wanted = [tensor for tensor, needed in zip(tensors, needs) if needed]
        found = iter(torch.autograd.grad(result, wanted, gradients, create_graph=twice))
        return None, *(next(found) if needed else None for needed in needs)

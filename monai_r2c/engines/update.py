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

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn as nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, get_total_norm
from torch.optim import Optimizer

from monai_r2c.utils import InputError, NonFiniteLossError
from monai_r2c.utils.processes import on_any_process

Losses = dict[str, torch.Tensor]


class Update:
    """One optimizer's update: gradients summed over the parts of a batch, averaged over processes, applied if finite.

    Args:
        name: of the update; ``name_loss`` is the loss to minimize, ``name_gradient`` stands for its gradients.
        networks: those the optimizer trains, with ``DistributedDataParallel`` around them or not.
        optimizer: of the networks' parameters.
        scaler: of the loss.
        autocast: context of the forward passes.
        max_norm: to which the norm of all gradients together is scaled down; None leaves it.
        max_value: to which each gradient's absolute value is cut, before the norm; None leaves it.

    Raises:
        InputError: when a limit is not above 0.
    """

    def __init__(
        self,
        name: str,
        networks: Sequence[nn.Module],
        optimizer: Optimizer,
        scaler: torch.amp.GradScaler,
        autocast: torch.autocast,
        max_norm: float | None = None,
        max_value: float | None = None,
    ) -> None:
        self.name, self.networks, self.optimizer = name, list(networks), optimizer
        self.scaler, self.autocast = scaler, autocast
        self.max_norm, self.max_value = max_norm, max_value
        for key, limit in (("max_gradient_norm", max_norm), ("max_gradient_value", max_value)):
            if limit is not None and not limit > 0:
                raise InputError(f"{key}: must be a number above 0, or null for none, got {limit}.")

    def __call__(self, losses_of: Callable[[Any], Losses], parts: Sequence[Any]) -> Losses:
        """Update the weights once.

        Args:
            losses_of: gives the losses of a part by name, each a mean over its items.
            parts: of the batch, equally large.

        Returns:
            The mean of every loss over the parts, without gradient; with a limit also ``name_gradient_norm``, the norm
            of the gradients before it (but where fp16 leaves an update out, because they overflow).

        Raises:
            NonFiniteLossError: before a weight is touched, when a loss or a gradient is NaN or infinite, here or in
                another process; fp16 leaves gradients to the scaler.
        """
        self.optimizer.zero_grad(set_to_none=True)
        losses: list[Losses] = []
        for part in parts:
            with _gradients_shared(self.networks, len(losses) == len(parts) - 1):
                with self.autocast:
                    found = losses_of(part)
                self.scaler.scale(found[f"{self.name}_loss"] / len(parts)).backward()
            losses.append({name: loss.detach() for name, loss in found.items()})
        means = {name: torch.stack([part[name] for part in losses]).mean(0) for name in losses[0]}
        self._require_finite(means)
        means = {**self._limit_gradients(), **means}
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return means

    def _require_finite(self, losses: Losses) -> None:
        checked = dict(losses)
        if not self.scaler.is_enabled():
            checked[f"{self.name}_gradient"] = get_total_norm(self._gradients())
        values = torch.stack(list(checked.values()))
        if not on_any_process(~torch.isfinite(values).all()):
            return
        terms = {name: value.item() for name, value in checked.items() if not torch.isfinite(value)}
        own = any(name in losses for name in terms)
        # a loss of one process spoils the averaged gradients of all
        if on_any_process(torch.tensor(own, device=values.device)) and not own:
            raise NonFiniteLossError(f"a term of {self.name}_loss in another process")
        raise NonFiniteLossError(", ".join(f"{name} = {value}" for name, value in terms.items()))

    def _limit_gradients(self) -> Losses:
        if self.max_norm is None and self.max_value is None:
            return {}
        self.scaler.unscale_(self.optimizer)
        norm = get_total_norm(self._gradients())
        if self.max_value is not None:
            clip_grad_value_(self._parameters(), self.max_value)
        if self.max_norm is not None:
            clip_grad_norm_(self._parameters(), self.max_norm)
        overflows = self.scaler.is_enabled() and not torch.isfinite(norm)
        return {} if overflows else {f"{self.name}_gradient_norm": norm}

    def _parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _gradients(self) -> list[torch.Tensor]:
        return [p.grad for p in self._parameters() if p.grad is not None]


def bare(network: nn.Module) -> nn.Module:
    """Return the network without ``DistributedDataParallel`` around it."""
    return network.module if isinstance(network, DistributedDataParallel) else network


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Keep gradients from flowing into the weights of `networks`, not through them; what was frozen stays so."""
    trained = [p for network in networks for p in network.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def split_batch(batch: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """Split a batch into equal parts along the first dimension.

    Raises:
        ValueError: when its size is no multiple of `parts`.
    """
    size = len(next(iter(batch.values())))
    if size % parts:
        raise ValueError(f"a batch of {size} does not split into {parts} equal parts.")
    step = size // parts
    return [{key: _part(value, slice(i, i + step)) for key, value in batch.items()} for i in range(0, size, step)]


def _part(value: Any, part: slice) -> Any:
    if isinstance(value, Mapping):
        return {name: _part(inner, part) for name, inner in value.items()}
    return value[part]


@contextmanager
def _gradients_shared(networks: Sequence[nn.Module], shared: bool) -> Iterator[None]:
    """Leave the averaging over processes to the last part, which averages the sums of all parts."""
    with ExitStack() as stack:
        for network in networks:
            if isinstance(network, DistributedDataParallel) and not shared:
                stack.enter_context(network.no_sync())
        yield

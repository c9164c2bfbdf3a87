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

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine

from monai_r2c.utils import InputError
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.scalars import is_single_number, scalars


def device_of(engine: Engine) -> torch.device:
    """Return where an engine's tensors are: MONAI's engines say so, others are taken to be where processes talk."""
    device = getattr(engine.state, "device", None)
    return idist.device() if device is None else torch.device(device)


def is_last_epoch(engine: Engine) -> bool:
    """Return whether no epoch comes after this one: all are done, or a handler such as early stopping ends the run."""
    return bool(engine.should_terminate) or engine.state.epoch == engine.state.max_epochs


def sees_all(engine: Engine) -> bool:
    """Whether each of several processes goes over all items, because there are too few, see `EvaluationSampler`."""
    return getattr(getattr(engine.state.dataloader, "sampler", None), "gives_all", False)


def numbers_of(engine: Engine, handler: Any, output_transform: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """Return the numbers in the output of an engine's step, by name.

    Args:
        engine: any ignite engine.
        handler: that asks; an error names it.
        output_transform: applied to ``engine.state.output`` first.

    Returns:
        Of a mapping, its numbers and tensors without dimension; of a single number, ``loss``; of decollated items, as
        of MONAI's ``SupervisedTrainer``, the ``loss`` of the first, which all items share; of None, nothing.

    Raises:
        InputError: when the output is something else.
    """
    output = engine.state.output
    if output_transform is not None:
        output = output_transform(output)
    if output is None:
        return {}
    if isinstance(output, Mapping):
        return scalars(output)
    if is_single_number(output):
        return {"loss": output}
    first = output[0] if isinstance(output, Sequence) and output else None
    if isinstance(first, Mapping) and is_single_number(first.get("loss")):
        return {"loss": first["loss"]}
    raise InputError(
        f"{type(handler).__name__}: needs a number or a mapping with numbers, the engine's output is a "
        f"{type(output).__name__}; give output_transform, such as lambda output: output[0]."
    )


def items_of(engine: Engine, handler: Any, *keys: str) -> Sequence[Mapping[str, Any]]:
    """Return the output of an engine's step as one mapping for each image.

    Raises:
        InputError: when it is something else, or the first one lacks a key, unless it says why its image failed.
    """
    output: Any = engine.state.output
    is_items = isinstance(output, Sequence) and all(isinstance(item, Mapping) for item in output)
    if not is_items or any(key not in item for item in output[:1] if Keys.ERROR not in item for key in keys):
        raise InputError(
            f"{type(handler).__name__}: needs an output of one mapping for each image, with {', '.join(keys)}, as "
            "R2CEvaluator gives; attach it to such an engine."
        )
    return output

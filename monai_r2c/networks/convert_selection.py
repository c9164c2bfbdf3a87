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
from fnmatch import fnmatchcase
from typing import TypeAlias

import torch.nn as nn

from monai_r2c.utils import InputError

Pattern: TypeAlias = str | type[nn.Module]
Patterns: TypeAlias = Pattern | Sequence[Pattern]

_NAMES_IN_ERRORS = 5


def select_layers(
    network: nn.Module,
    is_candidate: Callable[[nn.Module], bool],
    include: Patterns | None,
    exclude: Patterns | None,
) -> dict[nn.Module, list[str]]:
    """Find the layers that `include` selects and `exclude` does not.

    A pattern is a name as `fnmatch` reads it, or a module type; it selects a layer when it fits the layer or a module
    that holds it. A layer that stands at several places is selected when one of its names is included and none is
    excluded.

    Args:
        network: searched with all its sub-modules, itself among them.
        is_candidate: tells the layers looked for from other modules.
        include: one pattern or several; None is every layer.
        exclude: one pattern or several; None is no layer.

    Returns:
        Each selected layer with all the names under which it is registered ("" for the network itself).

    Raises:
        InputError: when a pattern fits no layer, or no layer is left.
    """
    lineages = _lineages(network, is_candidate)
    layers: dict[nn.Module, list[str]] = {}
    for lineage in lineages:
        name, layer = lineage[-1]
        layers.setdefault(layer, []).append(name)
    included = {lineage[-1][1] for lineage in _fitting("include", include, lineages)} if include is not None else layers
    excluded = {lineage[-1][1] for lineage in _fitting("exclude", exclude, lineages)} if exclude is not None else set()
    selected = {layer: names for layer, names in layers.items() if layer in included and layer not in excluded}
    if not selected:
        raise InputError(
            f"{type(network).__name__} has no layer to convert: it holds {len(layers)} of the fitting types, of which "
            f"include selects {len(included)} and exclude drops {len(excluded)}; widen include or narrow exclude"
        )
    return selected


_Lineage: TypeAlias = list[tuple[str, nn.Module]]


def _lineages(network: nn.Module, is_candidate: Callable[[nn.Module], bool]) -> list[_Lineage]:
    """Every place of a candidate: the modules from the network down to the layer, with their names."""
    modules = dict(network.named_modules(remove_duplicate=False))
    return [_lineage(name, modules) for name, module in modules.items() if is_candidate(module)]


def _lineage(name: str, modules: dict[str, nn.Module]) -> _Lineage:
    parts = name.split(".") if name else []
    names = [".".join(parts[:depth]) for depth in range(len(parts) + 1)]
    return [(part, modules[part]) for part in names]


def _fitting(argument: str, patterns: Patterns, lineages: list[_Lineage]) -> list[_Lineage]:
    found: list[_Lineage] = []
    for pattern in [patterns] if isinstance(patterns, str | type) else patterns:
        fitting = [lineage for lineage in lineages if any(_fits(pattern, *place) for place in lineage)]
        if not fitting:
            names = [lineage[-1][0] for lineage in lineages]
            shown = ", ".join([*names[:_NAMES_IN_ERRORS], *(["..."] if len(names) > _NAMES_IN_ERRORS else [])])
            raise InputError(f"{argument}: no layer to convert fits {pattern!r}; the layers are {shown}")
        found += fitting
    return found


def _fits(pattern: Pattern, name: str, module: nn.Module) -> bool:
    return fnmatchcase(name, pattern) if isinstance(pattern, str) else isinstance(module, pattern)

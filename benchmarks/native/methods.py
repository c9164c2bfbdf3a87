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

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage.exposure import equalize_adapthist

from benchmarks.restoration.methods.non_local_means import denoise
from monai_r2c.inferers import RestorationInferer
from monai_r2c.networks import load_restorer, model_digest
from monai_r2c.utils import InputError

from .cases import BLENDS

_CHOSEN = Path(__file__).parents[1] / "restoration/results"
TITLES = {
    "poor": "poor image",
    "clahe": "CLAHE",
    "non_local_means": "non-local means",
    "trained": "model of 256 px, its result enlarged",
    "box_native": "model of 256 px, fed at native size",
    "line": "native model without its local network",
    "model": "native model",
}
OURS = "model"
_OF_BEFORE = ("trained", "box_native")


@dataclass(frozen=True)
class Method:
    """A way to restore.

    Args:
        name: one of `TITLES`.
        apply: ``(1, rows, columns)`` in [0, 1] to the same.
        settings: what decides its results.
    """

    name: str
    apply: Callable[[torch.Tensor], torch.Tensor]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Models:
    """Model files: a native one, and one of the working size, whose two ways of restoring it is compared with.

    The latter is that which was in the box before the native one:
    ``git show 39737e2:bundles/chest_xray_restore_classify/models/model.pt > before.pt``.
    """

    native: Path | None = None
    before: Path | None = None

    def of(self, name: str) -> Path | None:
        """The model that a method restores with; None where it has none, or was given none."""
        return self.before if name in _OF_BEFORE else self.native if name in (OURS, "line") else None

    def allow(self, name: str) -> bool:
        """Whether a method can be had."""
        return name not in (*_OF_BEFORE, OURS, "line") or self.of(name) is not None


def make_method(name: str, bed: str, models: Models = Models()) -> Method:
    """Build a method; filters have the parameters that `benchmarks/restoration` chose for a bed's faults."""
    if name == "poor":
        return Method(name, lambda image: image)
    if name in ("clahe", "non_local_means"):
        chosen = _CHOSEN / (bed if bed in BLENDS else BLENDS[-1]) / f"{name}-0.json"
        settings = json.loads(chosen.read_text(encoding="utf-8"))["settings"]
        function = equalize_adapthist if name == "clahe" else denoise
        return Method(name, lambda image: _filtered(image, function, settings), settings)
    path = models.of(name)
    if path is None:
        raise InputError(f"{name}: needs a model; give --{'before' if name in _OF_BEFORE else 'model'}.")
    network, trained = load_restorer(path)
    if name == "line":  # what follows from the restored thumbnail alone
        for parameter in network.local.last[-1].parameters():
            parameter.data.zero_()
    size: int | str = trained.image_size if name == "trained" else "native"
    inferer = RestorationInferer(1, size)
    return Method(
        name,
        lambda image: _restored(image, network, inferer, trained.channels),
        {"model": model_digest(path)[:12], "size": size},
    )


def _filtered(image: torch.Tensor, function: Callable[..., Any], settings: dict[str, Any]) -> torch.Tensor:
    filtered = np.asarray(function(np.asarray(image[0], dtype=np.float64), **settings))
    return torch.from_numpy(filtered.clip(0, 1)[None]).float()


@torch.no_grad()
def _restored(image: torch.Tensor, network: Any, inferer: RestorationInferer, channels: int) -> torch.Tensor:
    result = inferer((2 * image[None] - 1).expand(-1, channels, -1, -1), network)[0]
    return ((result[0].float().mean(0, keepdim=True) + 1) / 2).clamp(0, 1)

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

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch

from .familiarity import FamiliarityModel, fit_familiarity, unfamiliarity
from .niqe import NIQEModel, fit_niqe, niqe

UNFAMILIAR, WORSE = "unfamiliar", "worse"
_USUAL_SHARE = 0.95


class RestorationCheck:
    """Says of a restored image, without a reference, why it should not be trusted.

    Args:
        familiarity: layout of the training images.
        scenes: NIQE's model of the good ones among them.
        usual_niqe: the NIQE that 95 % of the good images stay below.

    Example:
        >>> check = RestorationCheck.fit(poor_images, good_images)
        >>> check(image, restored)["flags"]
        'unfamiliar|worse'
    """

    columns = ("unfamiliarity", "niqe", "niqe_restored", "flags")

    def __init__(self, familiarity: FamiliarityModel, scenes: NIQEModel, usual_niqe: float) -> None:
        self.familiarity, self.scenes, self.usual_niqe = familiarity, scenes, usual_niqe

    @classmethod
    def fit(
        cls,
        images: Sequence[torch.Tensor],
        good: Sequence[torch.Tensor],
        groups: Sequence[Any] | None = None,
        unseen: Iterable[torch.Tensor] = (),
        size: int = 256,
    ) -> RestorationCheck:
        """Fit to training images ``(channels, rows, columns)`` in [0, 1].

        Args:
            images, groups, unseen: see `fit_familiarity`.
            good: those of them that look as restored ones should.
            size: at which the restorer works; NIQE sees images at this size.

        Raises:
            InputError: as `fit_familiarity`.
        """
        familiarity = fit_familiarity(images, groups, unseen)
        scenes = fit_niqe(good, patch=min(64, size // 4 * 2), size=size)
        values = np.array([niqe(image, scenes) for image in good])
        known = values[np.isfinite(values)]
        return cls(familiarity, scenes, float(np.quantile(known, _USUAL_SHARE)) if len(known) else float("nan"))

    def __call__(self, image: torch.Tensor, restored: torch.Tensor) -> dict[str, Any]:
        """Compare an image ``(channels, rows, columns)`` in [0, 1] with its restoration.

        Returns:
            ``unfamiliarity``, see there; ``niqe`` and ``niqe_restored``, lower is better, NaN of a flat image; and
            ``flags``, joined by a bar: ``unfamiliar`` where the first is above 1 or NaN, ``worse`` where NIQE rose to a
            value that good images hardly have, or the restored image alone is flat or not finite.
        """
        away = unfamiliarity(image, self.familiarity)
        before, after = niqe(image, self.scenes), niqe(restored, self.scenes)
        is_lost = math.isnan(after) and not math.isnan(before)
        is_worse = is_lost or (after > self.usual_niqe and not after <= before)
        flags = [name for name, holds in ((UNFAMILIAR, not away <= 1), (WORSE, is_worse)) if holds]
        return {"unfamiliarity": away, "niqe": before, "niqe_restored": after, "flags": "|".join(flags)}

    def to_statistics(self) -> dict[str, dict[str, Any]]:
        """Return what a model file keeps (`save_model`), as numbers and tensors."""
        return {
            "familiarity": _plain(self.familiarity),
            "niqe": {**_plain(self.scenes), "usual": self.usual_niqe},
        }

    @classmethod
    def of_statistics(cls, statistics: Mapping[str, Mapping[str, Any]]) -> RestorationCheck | None:
        """Make it of what a model file keeps; None where it keeps nothing of the kind."""
        if not {"familiarity", "niqe"} <= statistics.keys():
            return None
        familiarity = _restored(FamiliarityModel, statistics["familiarity"])
        return cls(familiarity, _restored(NIQEModel, statistics["niqe"]), statistics["niqe"]["usual"])


def _plain(model: Any) -> dict[str, Any]:
    return {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in asdict(model).items()}


def _restored(kind: type, values: Mapping[str, Any]) -> Any:
    found = {field.name: values[field.name] for field in fields(kind)}
    return kind(**{name: v.numpy() if isinstance(v, torch.Tensor) else v for name, v in found.items()})

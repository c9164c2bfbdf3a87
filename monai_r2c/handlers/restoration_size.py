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

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monai_r2c.inferers import RestorationInferer
from monai_r2c.transforms import RadiographKeys, RadiographKind
from monai_r2c.utils import in_one_line

_STATE_SPACING = (RadiographKind.DICOM, RadiographKind.NIFTI, RadiographKind.METAIMAGE)
_NAMED = 3


def size_columns(inferer: RestorationInferer, meta: Mapping[str, Any], shape: Sequence[int]) -> dict[str, str]:
    """Say at what size an image was restored and what its pixels measure, as texts for a table.

    Args:
        inferer: that restored it.
        meta: meta data of `LoadRadiograph`.
        shape: (rows, columns).

    Returns:
        ``working_size``, pixels of the shorter side, or native; ``enlargement``, the factor by which the result was
        enlarged, 1 where nothing was lost; ``row_spacing`` and ``column_spacing`` in mm, empty where not known.
    """
    rows, columns = meta[RadiographKeys.SPACING] if meta.get(RadiographKeys.SPACING_SOURCE) else ("", "")
    return {
        "working_size": str(inferer.size),
        "enlargement": f"{inferer.enlargement(shape):.2f}",
        "row_spacing": rows and f"{float(rows):.6g}",
        "column_spacing": columns and f"{float(columns):.6g}",
    }


@dataclass
class SizeNotes:
    """What people should know of the sizes of a run's images.

    Args:
        enlarged: factor by which results were enlarged, by file; those that were not are left out.
        spacing: what is wrong with the spacing that files state, by file.
    """

    enlarged: dict[str, float] = field(default_factory=dict)
    spacing: dict[str, str] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: Iterable[SizeNotes]) -> SizeNotes:
        """Return those of several processes as one."""
        joined = cls()
        for part in parts:
            joined.enlarged |= part.enlarged
            joined.spacing |= part.spacing
        return joined

    def note(self, file: str, inferer: RestorationInferer, meta: Mapping[str, Any], shape: Sequence[int]) -> None:
        """Take an image in; arguments as of `size_columns`."""
        factor = inferer.enlargement(shape)
        if factor > 1:
            self.enlarged[file] = factor
        note = meta.get(RadiographKeys.SPACING_NOTE, "")
        if note and meta.get(RadiographKeys.KIND) in _STATE_SPACING:
            self.spacing[file] = note

    def describe(self, inferer: RestorationInferer) -> list[str]:
        """Say it in a line each."""
        lines = []
        if self.enlarged:
            lines.append(
                f"Warning: the model worked at {inferer.size} pixels, so larger images ({len(self.enlarged)}) lost "
                f"finer detail: their results were enlarged, up to {max(self.enlarged.values()):.1f} times "
                "(enlargement in predictions.csv)."
            )
        for note in dict.fromkeys(self.spacing.values()):
            files = [file for file, other in self.spacing.items() if other == note]
            some = ", ".join(files[:_NAMED]) + ", ..." * (len(files) > _NAMED)
            lines.append(f"Pixel spacing: {len(files)} ({note}): {some}")
        return [in_one_line(line) for line in lines]

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

from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import head, text_of
from .scores import SCORES

BEDS = ("unknown", "known")
SHOWN = ("psnr", "ssim", "line_psnr")
# what changes, and the method with that change; one with a dash changes the last without, and goes no further
STEPS = (
    ("the published method, half of its channels", "r2c_published"),
    ("one channel, the class head's pooling and scale of `train.yaml`", "r2c_operational"),
    ("pairs of the default faults alone instead of the unpaired part", "pairs_default_operational"),
    ("wide faults", "pairs_wide_operational"),
    ("up-sampling by resizing", "pairs_wide_operational_resize"),
    ("structure term, averaged weights", "recipe_operational"),
    ("- the unpaired part beside the pairs", "recipe_operational_r2c"),
    ("a U-Net: `recipe_unet`", "recipe_unet"),
    ("- the unpaired part beside the pairs", "recipe_unet_r2c"),
    ("- without structure term and averaged weights", "pairs_wide_unet"),
    ("- without these, and the default faults instead of wide ones", "pairs_default_unet"),
    ("- in bf16", "recipe_unet_bf16"),
    ("from one fault to all", "recipe_unet_mixed"),
    ("it sees exposure, half of the tones kept", "recipe_unet_tone"),
    ("tones of the originals varied", "recipe_unet_varied"),
    ("true pairs for the U-Net of `recipe_unet`", "true_pairs_unet"),
)


def ablation_section(results: Sequence[Mapping[str, Any]]) -> str:
    """One change at a time, on validation: means over seeds, with the least and the most of them."""
    by_cell: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for result in results:
        if "error" not in result:
            by_cell.setdefault((result["bed"], result["method"]), []).append(result)
    if not any((BEDS[0], method) in by_cell for _, method in STEPS):
        return ""
    heads = ["change", *(f"`{bed}`: {name}" for bed in BEDS for name in ("seeds", *(SCORES[n][0] for n in SHOWN)))]
    lines = [head(heads)]
    for change, method in STEPS:
        cells = [change.replace("- ", "&nbsp;&nbsp;… ", 1) if change.startswith("- ") else change]
        for bed in BEDS:
            runs = by_cell.get((bed, method), [])
            cells += [
                str(len(runs) or ""),
                *(_range([run["validation"][name] for run in runs], name) for name in SHOWN),
            ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n\n".join((text_of("ablation"), "\n".join(lines)))


def _range(values: Sequence[float], score: str) -> str:
    if not values:
        return ""
    decimals = SCORES[score][2]
    mean = f"{sum(values) / len(values):.{decimals}f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.{decimals}f} to {max(values):.{decimals}f})"

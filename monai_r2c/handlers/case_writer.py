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
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
import torch.nn as nn
from monai.networks import eval_mode
from PIL import Image

from monai_r2c.inferers import RestorationInferer
from monai_r2c.metrics import structural_change_map
from monai_r2c.utils import InputError
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.files import write_text_atomically

from .drawings import draw_difference, draw_structure
from .tables import choose_cases, gain_name


class CaseWriter:
    """Writes the images that a reader should look at, with every restoration pass, for the report.

    Args:
        restorer: network that returns ``(image, logits)``.
        dataset: evaluated dataset; its items hold ``image`` ``(channels, rows, columns)`` in [-1, 1], ``file`` and
            optionally ``reference``. Its ``data`` are the untransformed items.
        classes: names of the classes.
        directory: of the PNG files and ``cases.json``.
        size: at what size the restorer works, see `RestorationInferer`.
        passes: restoration passes to show.
        count: images for each reason, see `choose_cases`.
        device: of the restorer.
        longest_side: larger images are reduced to this many pixels; beside these, what a magnifier shows is kept in the
            image's own pixels, in files of its own.
    """

    def __init__(
        self,
        restorer: nn.Module,
        dataset: Any,
        classes: Sequence[str],
        directory: str | os.PathLike,
        size: int | str = "native",
        passes: int = 3,
        count: int = 3,
        device: str | torch.device = "cpu",
        longest_side: int = 384,
    ) -> None:
        self.restorer, self.dataset, self.classes = restorer, dataset, list(classes)
        self.inferer = RestorationInferer(passes, size)
        self.directory, self.count, self.device = Path(directory), count, torch.device(device)
        self.longest_side = longest_side

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Choose from the rows of an `ImageTable` and write; the first rank does.

        Raises:
            InputError: when a row's file is not in the dataset.
        """
        if idist.get_rank() != 0:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        for old in self.directory.glob("case_*.png"):
            old.unlink()
        indices = {item[Keys.FILE]: index for index, item in enumerate(self.dataset.data)}
        cases = []
        for number, (row, reasons) in enumerate(choose_cases(rows, self.count).items(), 1):
            file = rows[row]["file"]
            if file not in indices:
                raise InputError(f"{file}: was evaluated, but is not in the dataset to draw from.")
            case = {"reasons": reasons, **{name: _plain(value) for name, value in rows[row].items()}}
            cases.append(case | self._draw(self.dataset[indices[file]], f"case_{number:02d}"))
        content = {"gain": gain_name(rows), "classes": self.classes, "cases": cases}
        write_text_atomically(self.directory / "cases.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def _draw(self, item: Mapping[str, Any], stem: str) -> dict[str, Any]:
        image = torch.as_tensor(item["image"]).as_subclass(torch.Tensor)[None].to(self.device)
        with torch.no_grad(), eval_mode(self.restorer):
            # one logit more than images: each pass classifies its input
            passes = self.inferer.all_passes(image, self.restorer)
            logits = [logits for _, logits in passes] + [self.inferer(passes[-1][0], self.restorer)[1]]
        gray = [_gray(shown) for shown in (image, *(shown for shown, _ in passes))]
        change = structural_change_map(gray[1][None, None], gray[0][None, None])[0, 0]
        files = {"poor": gray[0], "difference": draw_difference(gray[1], gray[0]), "structure": draw_structure(change)}
        files |= {f"pass_{number}": shown for number, shown in enumerate(gray[1:], 1)}
        if Keys.REFERENCE in item:
            files["reference"] = _gray(torch.as_tensor(item[Keys.REFERENCE])[None])
        images, full = {}, {}
        for name, shown in files.items():
            picture = Image.fromarray((shown.clamp(0, 1) * 255).round().to(torch.uint8).numpy())
            if max(picture.size) > self.longest_side and name not in ("difference", "structure"):
                full[name] = f"{stem}_{name}_full.png"
                picture.save(self.directory / full[name])
            picture.thumbnail((self.longest_side, self.longest_side), Image.Resampling.LANCZOS)
            images[name] = f"{stem}_{name}.png"
            picture.save(self.directory / images[name], optimize=True)
        probabilities = [values.float().softmax(1)[0].tolist() for values in logits]
        return {"images": images, "full": full, "size": list(gray[0].shape), "probabilities": probabilities}


def _gray(image: torch.Tensor) -> torch.Tensor:
    return ((image.as_subclass(torch.Tensor)[0].float().cpu().mean(0) + 1) / 2).clamp(0, 1)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

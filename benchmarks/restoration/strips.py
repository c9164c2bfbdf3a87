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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .images import read_image

SHOWN = 4
ORIGINAL = "original"


def strip_path(folder: Path, bed: str, method: str) -> Path:
    """Where the results have a few test images of a bed under one method, beside each other; `ORIGINAL` is one, too."""
    return folder / bed / "panel" / f"{method}.png"


def keep_strips(bed: str, results: Iterable[Mapping[str, Any]], work: Path, folder: Path) -> None:
    """Keep what the panel shows of the images that were restored in a work folder: some 40 KB a method.

    Of several seeds the first is kept whose images are there.
    """
    description = work / "beds" / bed / "bed.json"
    if not description.is_file():
        return
    chosen = _shown(json.loads(description.read_text(encoding="utf-8"))["images"])
    kept = set()
    for result in sorted(results, key=lambda result: result["seed"]):
        restored = work / "restored" / bed / f"{result['method']}-{result['seed']}"
        if "error" not in result and result["method"] not in kept and restored.is_dir():
            paths = [restored / Path(image["file"]).name for image in chosen]
            _write_strip(strip_path(folder, bed, result["method"]), paths)
            kept.add(result["method"])
    if kept and chosen[0]["reference"]:
        paths = [work / "beds" / bed / image["reference"] for image in chosen]
        _write_strip(strip_path(folder, bed, ORIGINAL), paths)


def read_strip(path: Path) -> list[np.ndarray]:
    """The images of a strip, square, of 8 bits."""
    with Image.open(path) as strip:
        pixels = np.asarray(strip)
    return np.split(pixels, pixels.shape[1] // pixels.shape[0], axis=1)


def _shown(images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Poor test images from all over the bed; one of each kind of fault where it has several."""
    test = [image for image in images if (image["group"], image["domain"]) == ("test", "poor")]
    if len({image["kind"] for image in test}) > 1:
        return list({image["kind"]: image for image in reversed(test)}.values())
    return test[len(test) // (2 * SHOWN) :: -(-len(test) // SHOWN)][:SHOWN]


def _write_strip(path: Path, paths: Iterable[Path]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = [np.round(255 * read_image(image)[0].numpy()).astype(np.uint8) for image in paths]
    Image.fromarray(np.concatenate(levels, axis=1)).save(path, optimize=True)

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

from pathlib import Path
from typing import Any

from monai_r2c.utils import InputError

_MEASURES = ("psnr", "niqe", "noise", "sharpness")
_NUMBERS = ("structural_change", *_MEASURES, *(f"{name}_restored" for name in _MEASURES))


def check_cases(content: dict[str, Any], path: Path) -> None:
    """Refuse a ``cases.json`` of another form than evaluation writes, or whose images are not beside it.

    Raises:
        InputError: when a key is missing or has another type, or an image is missing; the message names it.
    """
    if not content:
        return
    _require(isinstance(content.get("gain"), str), path, "gain must be a text")
    _require(_is_list(content.get("classes"), str), path, "classes must be a list of names")
    _require(_is_list(content.get("cases"), dict), path, "cases must be a list of objects")
    for number, case in enumerate(content["cases"]):
        where, classes = f"cases[{number}]", len(content["classes"])
        _require(isinstance(case.get("file"), str), path, f"{where}.file must be a text")
        _require(_is_list(case.get("reasons"), str), path, f"{where}.reasons must be a list of texts")
        given = case.get("probabilities")
        numbers = _is_list(given, list) and all(_is_list(row, (int, float)) and len(row) == classes for row in given)
        _require(numbers, path, f"{where}.probabilities must be lists of {classes} numbers, one a class")
        for key in ("label", "class"):
            _require(isinstance(case.get(key), (str, type(None))), path, f"{where}.{key} must be a class name")
        for key in _NUMBERS:
            _require(isinstance(case.get(key), (int, float, type(None))), path, f"{where}.{key} must be a number")
        images = case.get("images")
        _require(isinstance(images, dict) and "poor" in images, path, f"{where}.images must name the image poor")
        size, full = case.get("size", []), case.get("full", {})
        is_size = _is_list(size, int) and len(size) in (0, 2) and all(length > 0 for length in size)
        _require(is_size, path, f"{where}.size must be the numbers of rows and columns")
        names = isinstance(full, dict) and all(isinstance(n, str) and Path(n).name == n for n in full.values())
        _require(names, path, f"{where}.full must name files beside it")
        for view, name in images.items():
            is_known = not view.startswith("pass_") or view[5:].isdecimal()
            is_name = isinstance(name, str) and Path(name).name == name
            _require(is_known and is_name, path, f"{where}.images.{view} must be the name of a file beside it")
            _require((path.parent / name).is_file(), path, f"{where}.images.{view}: there is no file {name} beside it")


def _is_list(value: object, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _require(holds: bool, path: Path, message: str) -> None:
    if not holds:
        raise InputError(f"{path}: {message}; evaluate the run again.")

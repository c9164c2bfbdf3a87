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
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from monai_r2c.utils import InputError

from .folder_layout import read_dataset_dir
from .items import DOMAINS, SECTIONS, TRAINING, Datalist, DatalistItem, check_classes, label_index

_ITEM_KEYS = ("image", "label", "patient", "reference", "source", "study", "view")


def load_datalist(
    datalist: str | Path | None = None,
    dataset_dir: str | Path | None = None,
    classes: Sequence[str] | str | None = None,
    required: Sequence[str] = TRAINING,
) -> Datalist:
    """Read the images of a run from a datalist JSON or from a dataset folder, whichever is given.

    Args:
        datalist: path of a JSON file, see `read_datalist`.
        dataset_dir: folder with one sub-folder a section and domain, see `read_dataset_dir`.
        classes: class names, a list or one string with commas. With `datalist` they must equal the file's, in the same
            order. With `dataset_dir` they are needed unless one folder a class names them (sorted by name then).
        required: places (section/domain) that must hold images.

    Raises:
        InputError: when not exactly one of the two is given, when the classes disagree, or as the readers do.
    """
    if bool(datalist) == bool(dataset_dir):
        given = "both" if datalist else "neither"
        raise InputError(f"give either datalist (a JSON file) or dataset_dir (a folder), got {given}")
    names = None if classes is None else check_classes(classes, "classes")
    if dataset_dir:
        return read_dataset_dir(dataset_dir, names, required)
    assert datalist is not None
    result = read_datalist(datalist, required)
    if names is not None and names != result.classes:
        raise InputError(
            f"classes are {', '.join(names)}, but {datalist} has {', '.join(result.classes)}; "
            "they must be the same in the same order"
        )
    return result


def read_datalist(path: str | Path, required: Sequence[str] = TRAINING) -> Datalist:
    """Read and check a datalist JSON.

    The form is ``{"classes": ["non-covid", "covid"], "training": {"poor": [{"image": "a.png", "label": 1}], "good":
    [...]}, "validation": {...}, "testing": {...}}``. Paths are relative to the file; a label is an index or a class
    name; an item may also have ``patient``, ``reference`` and ``source`` (the hospital, device or collection it comes
    from). ``validation`` and ``testing`` may be absent or empty.

    Args:
        path: the JSON file.
        required: places (section/domain) that must hold images.

    Raises:
        InputError: when the file is missing, is not JSON or has another form (the message names the key), when a label
            is outside the classes, or as `Datalist.check` does.
    """
    content = _read_json(Path(path))
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object with the keys classes, {', '.join(SECTIONS)}")
    _refuse_unknown(content, ("classes", *SECTIONS), str(path))
    if "classes" not in content:
        raise InputError(f"{path}: the key classes is missing; expected a list of class names")
    classes = check_classes(content["classes"], path)
    entries: list[DatalistItem] = []
    for section in SECTIONS:
        domains = content.get(section, {})
        if not isinstance(domains, dict):
            raise InputError(f"{path}: {section} must be an object with the keys {' and '.join(DOMAINS)}")
        _refuse_unknown(domains, DOMAINS, f"{path}: {section}")
        for domain in DOMAINS:
            entries.extend(_entries(domains.get(domain, []), section, domain, classes, Path(path)))
    result = Datalist(classes, tuple(entries))
    result.check(path, required)
    return result


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the datalist: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file: {error}") from error


def _entries(items: object, section: str, domain: str, classes: Sequence[str], path: Path) -> Iterator[DatalistItem]:
    place = f"{path}: {section}/{domain}"
    if not isinstance(items, list):
        raise InputError(f'{place} must be a list of items such as {{"image": "a.png", "label": 0}}')
    for number, item in enumerate(items):
        where = f"{place}[{number}]"
        if not isinstance(item, dict):
            raise InputError(f'{where} must be an item such as {{"image": "a.png", "label": 0}}, got {item!r}')
        _refuse_unknown(item, _ITEM_KEYS, where)
        for key in ("image", "label"):
            if key not in item:
                raise InputError(f"{where}: the key {key} is missing")
        for key in ("image", "reference"):
            if key in item and not (isinstance(item[key], str) and item[key]):
                raise InputError(f"{where}: {key} must be a path, got {item[key]!r}")
        names = {key: item.get(key) for key in ("patient", "source", "study", "view")}
        for key, name in names.items():
            if name is not None and (isinstance(name, bool) or not isinstance(name, (str, int))):
                raise InputError(f"{where}: {key} must be a name or number, got {name!r}")
        yield DatalistItem(
            section,
            domain,
            image=_absolute(item["image"], path),
            label=label_index(item["label"], classes, f"{where} ({item['image']})"),
            file=item["image"],
            reference=_absolute(item["reference"], path) if "reference" in item else None,
            **{key: None if name is None else str(name) for key, name in names.items()},
        )


def _refuse_unknown(content: dict[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in content:
        if key not in allowed:
            raise InputError(f"{where}: unknown key {key!r}; allowed are {', '.join(allowed)}")


def _absolute(file: str, datalist: Path) -> str:
    return os.path.abspath(datalist.parent.resolve() / file)

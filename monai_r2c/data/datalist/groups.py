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

import os
from collections.abc import Iterable, Iterator, Sequence

from .items import DatalistItem


def group_entries(entries: Sequence[DatalistItem], copies: Iterable[Sequence[str]] = ()) -> list[list[int]]:
    """Group images that must not be in different sections, by index.

    Together belong images of one patient, of one study, those that share a file (an image may be the clean original,
    ``reference``, of another), and those whose files are copies of each other.

    Args:
        entries: items of a datalist.
        copies: groups of files that show the same picture, see `find_identical` and `find_alike`.
    """
    parent: dict[object, object] = {}

    def root(key: object) -> object:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = key = parent[parent[key]]
        return key

    for index, entry in enumerate(entries):
        for key in _keys(entry):
            parent[root(key)] = root(index)
    for files in copies:
        for file in files[1:]:
            parent[root(("file", os.path.realpath(file)))] = root(("file", os.path.realpath(files[0])))
    groups: dict[object, list[int]] = {}
    for index in range(len(entries)):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())


def _keys(entry: DatalistItem) -> Iterator[tuple[str, str]]:
    for kind, name in (("patient", entry.patient), ("study", entry.study)):
        if name is not None:
            yield kind, name
    for path in filter(None, (entry.image, entry.reference)):
        yield "file", os.path.realpath(path)

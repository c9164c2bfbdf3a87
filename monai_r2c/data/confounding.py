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
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from .datalist import DOMAINS, SECTIONS, Datalist

# a medium association by J. Cohen's measure, and one that chance does not explain
_LEAST_V, _LARGEST_P = 0.3, 0.01
_SECTION_FOLDERS = {"train", "val", "valid", "test", "traina", "trainb", "vala", "valb", "testa", "testb"}


def find_confounding(datalist: Datalist) -> list[str]:
    """Warn where the label of an image can be told by something other than the disease.

    Label and domain (poor or good), label and source, and label and view are confounded when Cramer's V of all images
    is at least 0.3 (0: independent, 1: one tells the other) and the chi-squared test gives p below 0.01, so that few
    images are no reason. The source is an item's ``source`` where it has one, else the folder of its image, without the
    folders that name sections and domains and without those of the classes: a level of folders that has one for each
    class, whatever their names. Where such folders are all that is known, it is said that sources cannot be checked.

    Returns:
        One line for each confounding, with the counts; empty when there is none.

    Source: H. Cramer, Mathematical Methods of Statistics (1946), section 21.9.
    """
    warnings = []
    domains = [entry.domain for entry in datalist.entries]
    views = [entry.view or "unknown" for entry in datalist.entries]
    sources, by_class = _sources(datalist)
    traits = (("image quality (poor or good)", domains), ("source", sources), ("view", views))
    for name, values in traits:
        labels = [datalist.classes[entry.label] for entry in datalist.entries]
        strength, p = cramers_v(labels, values)
        if strength >= _LEAST_V and p < _LARGEST_P:
            how = "are the same thing" if strength > 0.99 else "go together"
            warnings.append(
                f"label and {name} {how} (Cramer's V {strength:.2f}; {_counts(labels, values)}): a model can learn the "
                f"{name.split(' (')[0]} instead of the disease, and no score on these images can tell."
            )
    if by_class and len(set(sources)) == 1:
        warnings.append(
            "each class lies in a folder of its own and no source is given: where these are different collections, a "
            "model can learn the source instead of the disease, and nothing here can tell."
        )
    return warnings


def cramers_v(first: Sequence[str], second: Sequence[str]) -> tuple[float, float]:
    """Return Cramer's V of two names of each image, in [0, 1], and the p-value of the chi-squared test.

    They are 0 and 1 when one of them never varies.
    """
    rows, columns = sorted(set(first)), sorted(set(second))
    if len(rows) < 2 or len(columns) < 2:
        return 0.0, 1.0
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for a, b in zip(first, second):
        table[rows.index(a), columns.index(b)] += 1
    return float(association(table, method="cramer")), float(chi2_contingency(table, correction=False).pvalue)


def _sources(datalist: Datalist) -> tuple[list[str], bool]:
    """Source of each image, all the same when none is known; and whether a level of folders is that of the classes."""
    entries = datalist.entries
    if any(entry.source is not None for entry in entries):
        return [entry.source or "unknown" for entry in entries], False
    folders = [str(Path(entry.image).parent) for entry in entries]
    common = os.path.commonpath(folders) if folders else ""
    parts = [_telling_parts(folder, common) for folder in folders]
    level = _class_level(parts, [datalist.classes[entry.label] for entry in entries])
    if level is None:
        return ["/".join(of_one) for of_one in parts], False
    return ["/".join(part for at, part in enumerate(of_one) if at != level) for of_one in parts], True


def _telling_parts(folder: str, common: str) -> list[str]:
    meaningless = _SECTION_FOLDERS | {*SECTIONS, *DOMAINS}
    return [part for part in Path(os.path.relpath(folder, common)).parts if part.lower() not in meaningless]


def _class_level(parts: Sequence[Sequence[str]], labels: Sequence[str]) -> int | None:
    """Depth at which each class has one folder and each folder one class; of several the one that names the classes."""
    found = []
    for level in range(max(map(len, parts), default=0)):
        pairs = {(of_one[level] if level < len(of_one) else "", label) for of_one, label in zip(parts, labels)}
        if len(pairs) == len({folder for folder, _ in pairs}) == len(set(labels)) > 1:
            found.append((sum(folder.lower() == label.lower() for folder, label in pairs), level))
    return max(found)[1] if found else None


def _counts(labels: Sequence[str], values: Sequence[str]) -> str:
    counts = Counter(zip(labels, values))
    texts = []
    for label in dict.fromkeys(labels):
        most = [(value, count) for (of, value), count in counts.most_common() if of == label]
        shown = ", ".join(f"{value or 'the folder itself'} {count}" for value, count in most[:3])
        texts.append(f"{label}: {shown}{' and more' if len(most) > 3 else ''}")
    return "; ".join(texts)

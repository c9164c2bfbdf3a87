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

from .datalist import DOMAINS, SECTIONS, Datalist, DatalistItem

# a medium association by J. Cohen's measure, and one that chance does not explain
_LEAST_V, _LARGEST_P = 0.3, 0.01
_SECTION_FOLDERS = {"train", "val", "valid", "test", "traina", "trainb", "vala", "valb", "testa", "testb"}


def find_confounding(datalist: Datalist) -> list[str]:
    """Warn where the label of an image can be told by something other than the disease.

    Label and domain (poor or good), label and source, and label and view are confounded when Cramer's V of all images
    is at least 0.3 (0: independent, 1: one tells the other) and the chi-squared test gives p below 0.01, so that few
    images are no reason. The source is an item's ``source`` where it has one, else the folder of its image, without the
    folders that name sections, domains and classes; with one source or view alone there is nothing to compare.

    Returns:
        One line for each confounding, with the counts; empty when there is none.

    Source: H. Cramer, Mathematical Methods of Statistics (1946), section 21.9.
    """
    warnings = []
    domains = [entry.domain for entry in datalist.entries]
    views = [entry.view or "unknown" for entry in datalist.entries]
    traits = (("image quality (poor or good)", domains), ("source", _sources(datalist)), ("view", views))
    for name, values in traits:
        labels = [datalist.classes[entry.label] for entry in datalist.entries]
        strength, p = cramers_v(labels, values)
        if strength >= _LEAST_V and p < _LARGEST_P:
            how = "are the same thing" if strength > 0.99 else "go together"
            warnings.append(
                f"label and {name} {how} (Cramer's V {strength:.2f}; {_counts(labels, values)}): a model can learn the "
                f"{name.split(' (')[0]} instead of the disease, and no score on these images can tell."
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


def _sources(datalist: Datalist) -> list[str]:
    """Source of each image; all the same when none is known."""
    entries = datalist.entries
    if any(entry.source is not None for entry in entries):
        return [entry.source or "unknown" for entry in entries]
    meaningless = _SECTION_FOLDERS | {*SECTIONS, *DOMAINS} | {name.lower() for name in datalist.classes}
    folders = [str(Path(entry.image).parent) for entry in entries]
    common = os.path.commonpath(folders) if folders else ""
    return ["/".join(_telling_parts(entry, common, meaningless)) for entry in entries]


def _telling_parts(entry: DatalistItem, common: str, meaningless: set[str]) -> list[str]:
    parts = Path(os.path.relpath(Path(entry.image).parent, common)).parts
    return [part for part in parts if part.lower() not in meaningless]


def _counts(labels: Sequence[str], values: Sequence[str]) -> str:
    counts = Counter(zip(labels, values))
    texts = []
    for label in dict.fromkeys(labels):
        most = [(value, count) for (of, value), count in counts.most_common() if of == label]
        shown = ", ".join(f"{value or 'the folder itself'} {count}" for value, count in most[:3])
        texts.append(f"{label}: {shown}{' and more' if len(most) > 3 else ''}")
    return "; ".join(texts)

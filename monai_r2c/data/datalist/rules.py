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
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_r2c.utils import InputError

from .items import DatalistItem, label_index


@dataclass(frozen=True)
class NamePatterns:
    """What a file's own name, never its folders, tells about the image.

    Args:
        labels: class names with the regular expressions of which one is found in the names of their files.
        patient: regular expression of the patient, its first group if it has one, else the whole match.
    """

    labels: Sequence[tuple[str, re.Pattern[str]]] = ()
    patient: re.Pattern[str] | None = None

    def find_label(self, path: Path) -> str | None:
        """Return the class name whose pattern is found, or None; InputError when there are two."""
        found = sorted({label for label, pattern in self.labels if pattern.search(path.name)})
        if len(found) > 1:
            raise InputError(f"{path}: two labels: the name has the patterns of {' and '.join(found)}")
        return found[0] if found else None

    def find_patient(self, path: Path) -> str | None:
        """Return the patient, or None without pattern; InputError when the pattern is not found."""
        if self.patient is None:
            return None
        match = self.patient.search(path.name)
        patient = match and (match[1] if self.patient.groups else match[0])
        if not patient:
            raise InputError(f"{path}: the name does not have the patient pattern {self.patient.pattern!r}")
        return patient


@dataclass(frozen=True)
class Rules:
    """How an image of a collection gets its label, domain and patient.

    Args:
        classes: class names.
        poor: values of the domain's column that mean poor.
        good: values that mean good; images with any other value are left out.
        patterns: labels and patients by the file's own name.
        skip_other_labels: leave out images whose label is outside `classes`, which are refused else.
    """

    classes: Sequence[str]
    poor: Sequence[str] = ("poor",)
    good: Sequence[str] = ("good",)
    patterns: NamePatterns = NamePatterns()
    skip_other_labels: bool = False

    def find_domain(self, value: str) -> str | None:
        """Return ``poor`` or ``good`` for a value of the domain's column, None for a value that is neither."""
        return "poor" if value in self.poor else "good" if value in self.good else None

    def __post_init__(self) -> None:
        for value in set(self.poor) & set(self.good):
            raise InputError(f"the value {value} stands for both poor and good images")
        for label, pattern in self.patterns.labels:
            label_index(label, self.classes, f"label pattern {pattern.pattern!r}")


@dataclass
class Selection:
    """Images taken from a collection, and how many were left out for which reason."""

    entries: list[DatalistItem] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        rules: Rules,
        path: Path,
        where: str,
        *,
        domain: str,
        label: str | None,
        section: str = "training",
        patient: str | None = None,
        source: str | None = None,
        study: str | None = None,
        view: str | None = None,
        file: str | None = None,
    ) -> None:
        """Take an image, or count why it is left out.

        Args:
            rules: how it gets its label, domain and patient.
            path: the image.
            where: how messages name it.
            domain: ``poor`` or ``good``.
            label: class name given by a column or folder, if any.
            section: section of the datalist.
            patient: given by a column, if any.
            source, study, view: given by a column, if any.
            file: the path as the user wrote it, if that is another than `path`.

        Raises:
            InputError: when it has no label, two, or one outside the classes; or a name without patient.
        """
        by_name = rules.patterns.find_label(path)
        if label and by_name and label != by_name:
            raise InputError(f"{where}: two labels: {label}, and {by_name} by the name {path.name}")
        label = label or by_name or (rules.classes[0] if len(rules.classes) == 1 else None)
        if rules.skip_other_labels and label not in rules.classes:
            self.left_out[f"label {label or 'unknown'}"] += 1
            return
        if not label:
            raise InputError(f"{where}: no label; its name {path.name} has none of the label patterns")
        self.entries.append(
            DatalistItem(
                section,
                domain,
                image=os.path.abspath(path),
                label=label_index(label, rules.classes, where),
                file=file or str(path),
                patient=patient or rules.patterns.find_patient(path),
                source=source,
                study=study,
                view=view,
            )
        )

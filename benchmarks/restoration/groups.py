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

import numpy as np

from monai_r2c.utils import InputError

from .radiographs import Radiograph

GROUPS = ("poor", "good", "validation", "test")


def deal_patients(radiographs: Sequence[Radiograph], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Give each patient a group: ``test`` keeps the list's split, the others are dealt by `shares` from a seed.

    Patients with good images and those without are dealt apart, so that every group gets its share of both.
    """
    groups = {r.patient: "test" for r in radiographs if r.split == "test"}
    rest = {r.patient for r in radiographs} - set(groups)
    with_good = {r.patient for r in radiographs if r.quality == "good"}
    generator = np.random.default_rng(seed)
    limits = np.cumsum([0.0, *shares.values()]) / sum(shares.values())
    for patients in (sorted(rest & with_good), sorted(rest - with_good)):
        order = generator.permutation(patients)
        for name, low, high in zip(shares, limits, limits[1:]):
            groups |= dict.fromkeys(order[round(low * len(order)) : round(high * len(order))].tolist(), name)
    return groups


def check_groups(members: Iterable[tuple[str, str, str]]) -> None:
    """Refuse a patient in two groups.

    Args:
        members: file, patient and group of each image.
    """
    seen: dict[str, tuple[str, str]] = {}
    for file, patient, group in members:
        other, its_group = seen.setdefault(patient, (file, group))
        if its_group != group:
            raise InputError(
                f"patient {patient}: {other} is in the group {its_group} and {file} in {group}; "
                "all images of a patient belong in one group."
            )

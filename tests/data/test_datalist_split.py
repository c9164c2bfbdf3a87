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

from collections import Counter
from dataclasses import replace

import pytest

from monai_r2c.data.datalist import DatalistItem, hold_out


def item(index: int, domain: str = "poor", label: int = 0, patient: str | None = None, section: str = "training"):
    return DatalistItem(section, domain, f"/{domain}/{label}/{index}.png", label, f"{index}.png", patient)


def strata(entries: list[DatalistItem], section: str) -> Counter:
    return Counter((entry.domain, entry.label) for entry in entries if entry.section == section)


def test_every_domain_and_class_gives_its_share():
    sizes = {("poor", 0): 40, ("poor", 1): 15, ("good", 0): 4, ("good", 1): 1}
    entries = [item(index, *stratum) for stratum, size in sizes.items() for index in range(size)]
    held = hold_out(entries, "validation", 0.1)
    # 1.5 rounds to 2; a share below one image is one, but never the last
    assert strata(held, "validation") == {("poor", 0): 4, ("poor", 1): 2, ("good", 0): 1}
    assert [entry.file for entry in held] == [entry.file for entry in entries]


def test_patients_stay_undivided_and_shares_come_close():
    entries = [
        item(10 * patient + index, "poor" if index % 3 else "good", patient % 2, f"P{patient}")
        for patient in range(60)
        for index in range(1 + patient % 5)
    ]
    held = hold_out(entries, "testing", 0.25)
    sections: dict[str | None, set[str]] = {}
    for entry in held:
        sections.setdefault(entry.patient, set()).add(entry.section)
    assert all(len(names) == 1 for names in sections.values())
    everything = strata(entries, "training")
    for stratum, count in strata(held, "testing").items():
        assert abs(count - 0.25 * everything[stratum]) <= 3


def test_training_keeps_an_image_of_each_domain_and_class():
    entries = [item(index, "poor", 0, "P1") for index in range(4)] + [item(9, "good", 0, "P2")]
    assert hold_out(entries, "testing", 0.75) == entries


def test_only_training_images_are_moved():
    entries = [item(index) for index in range(10)] + [item(10 + index, section="testing") for index in range(10)]
    held = hold_out(entries, "validation", 0.5)
    assert Counter(entry.section for entry in held) == {"training": 5, "validation": 5, "testing": 10}


def test_the_choice_is_a_function_of_seed_and_section():
    entries = [item(index) for index in range(40)]

    def chosen(section: str, seed: int) -> list[str]:
        return [entry.file for entry in hold_out(entries, section, 0.3, seed) if entry.section == section]

    assert chosen("testing", 1) == chosen("testing", 1)
    assert chosen("testing", 1) != chosen("testing", 2)
    assert chosen("testing", 1) != chosen("validation", 1)


def test_fraction_zero_changes_nothing():
    entries = [item(index) for index in range(4)]
    assert hold_out(entries, "validation", 0) == entries


@pytest.mark.parametrize(("section", "fraction"), [("training", 0.1), ("testing", 1.0), ("testing", -0.1)])
def test_other_sections_and_fractions_are_refused(section, fraction):
    with pytest.raises(ValueError, match="expected a fraction from 0 to below 1"):
        hold_out([item(0)], section, fraction)


def test_clean_originals_go_with_the_images_made_of_them() -> None:
    poor = [replace(item(n), reference=f"/good/0/{n}.png") for n in range(10)]
    held = hold_out([*poor, *(item(n, "good") for n in range(10))], "testing", 0.3)
    tested = {entry.reference for entry in held if entry.section == "testing" and entry.reference}
    assert len(tested) == 3
    assert tested == {entry.image for entry in held if entry.section == "testing" and entry.domain == "good"}


def test_studies_and_copies_stay_undivided() -> None:
    entries = [replace(item(n), study=f"S{n // 2}") for n in range(10)] + [item(n) for n in range(10, 20)]
    held = hold_out(
        entries, "testing", 0.4, copies=[(f"/poor/0/{n}.png", f"/poor/0/{n + 1}.png") for n in (10, 12, 14)]
    )
    sections = [entry.section for entry in held]
    assert sections.count("testing") == 8
    assert all(sections[n] == sections[n + 1] for n in range(0, 16, 2))

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

from itertools import combinations

from .cases import StudyCases
from .design import DIAGNOSIS, PREFERENCE, RATING, Design

_DO = {
    DIAGNOSIS: (
        "**Finding and diagnosis.** One image at a time. Choose the class, say how sure you are from 1 (a guess) to 5 "
        "(certain), and mark with a click where you see the finding, if there is one."
    ),
    RATING: (
        "**Rating.** One image at a time. Rate noise, contrast, sharpness, artefacts and usefulness for diagnosis from "
        "1 to 5; 5 is always best."
    ),
    PREFERENCE: (
        "**Preference.** Two images of one patient side by side. Choose the one that you would rather read, or say "
        "that there is no difference."
    ),
}


def protocol(design: Design, cases: StudyCases) -> str:
    """The study in words, for the readers, an ethics board or a paper; it tells nothing that unblinds.

    Args:
        design: what is asked.
        cases: the chosen cases.
    """
    sittings = design.sittings(0)
    parts = [
        "# Reader study: protocol",
        "## For the readers",
        "Use a calibrated display in a dim room, the same one throughout, with the browser at 100 % and full screen. "
        "Read alone, do not discuss cases until all readers are done. Every image starts at the full gray scale: set "
        "window and level as you do at work. There is no time limit; the time on each screen is recorded, and only "
        "while the page is visible. You can stop after any screen and go on later with the same browser.",
        "Some screens come again, and some have images that were spoiled on purpose: that is part of the study.",
    ]
    parts += [
        "\n".join(f"{number}. {_DO[task]}" for number, task in enumerate(dict.fromkeys(s.task for s in sittings), 1))
    ]
    if DIAGNOSIS in design.tasks:
        parts.append(
            f"The diagnosis has {len(design.conditions)} sittings with every case once in each. At least "
            f"{design.washout_days:g} days must pass between two of them; the page opens the next one after that."
        )
    parts += ["## Design", "\n".join(f"- {line}" for line in _design(design, cases))]
    parts += ["## Analysis, fixed before the first answer", "\n".join(f"- {line}" for line in _analysis(design))]
    parts += [
        "## Blinding",
        "Readers get `page.html` or their own link, nothing else. The folder `key` and the seed stay with whoever made "
        "the study until the last answer is in; neither the page nor the server holds them. Names of images and trials "
        "are random, the images of a case have one size and one length, and no metadata of the sources is in them. "
        "What blinding cannot hide is the look of the images: a reader who knows a method's look may recognise it.",
        "For research. Not for clinical use.",
    ]
    return "\n\n".join(parts) + "\n"


def _design(design: Design, cases: StudyCases) -> list[str]:
    labels = [case.label for case in cases.cases]
    counts = ", ".join(f"{labels.count(name)} {name}" for name in cases.classes) if any(labels) else "classes unknown"
    lines = [
        f"{design.readers} readers, {len(cases.cases)} cases ({counts}), one image a patient where patients are known",
        f"{len(design.conditions)} conditions of each case",
    ]
    for sitting in design.sittings(0):
        kinds = [trial.kind for trial in sitting.trials]
        lines.append(
            f"sitting of {sitting.task}: {len(kinds)} screens, of which {kinds.count('repeat')} come again (with sides "
            f"changed) and {kinds.count('same') + kinds.count('spoiled')} have a known answer"
        )
    if PREFERENCE in design.tasks:
        lines.append("sides are balanced within each reader and change from reader to reader in each case")
    if RATING in design.tasks or DIAGNOSIS in design.tasks:
        lines.append(
            "conditions follow a Latin square over cases and readers, balanced within each class: each block or "
            "sitting holds each case once and each condition equally often"
        )
    return lines


def _analysis(design: Design) -> list[str]:
    pairs = len(list(combinations(design.conditions, 2)))
    lines = [
        "two-sided tests at 5 %, 95 % intervals; readers and cases are random samples in both",
        "repeats and catch "
        "trials measure the readers and count in nothing else; every reader's catch trials are reported, and no "
        "reader is left out for them",
    ]
    if PREFERENCE in design.tasks:
        lines.append(
            f"preference ({pairs} comparison{'s' * (pairs > 1)}): mean over readers and cases, ties half; order effect "
            "from the share of left; agreement by Fleiss' and Cohen's kappa"
        )
    if RATING in design.tasks:
        lines.append("ratings: paired differences from the poor image, Holm's correction over the five ratings")
    if DIAGNOSIS in design.tasks:
        lines.append(
            "sensitivity, specificity and AUC by the method of Obuchowski and Rockette with Hillis's degrees of "
            "freedom; findings lost: the lower limit of the difference in sensitivity against the margin"
        )
    return lines

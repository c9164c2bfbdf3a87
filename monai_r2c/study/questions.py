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

from collections.abc import Mapping, Sequence
from typing import Any

from monai_r2c.utils import InputError

from .design import DIAGNOSIS, PREFERENCE, RATING

LEFT, TIE, RIGHT = "left", "tie", "right"

RATINGS = {
    "noise": ("Noise", "very disturbing", "none"),
    "contrast": ("Contrast", "very poor", "very good"),
    "sharpness": ("Sharpness", "very poor", "very good"),
    "artefacts": ("Artefacts", "very disturbing", "none"),
    "usefulness": ("Usefulness for diagnosis", "useless", "fully useful"),
}
"""Title of each rating, and what 1 and 5 mean; 5 is always best."""

CONFIDENCE = 5


def questions(classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the page asks for each task, as it reads it.

    Args:
        classes: names of the classes, for the diagnosis.
    """
    scale = [[number, str(number)] for number in range(1, 6)]
    return {
        PREFERENCE: {
            "title": "Preference",
            "fields": [
                {
                    "key": "choice",
                    "question": "Which image would you rather read?",
                    "options": [[LEFT, "Left"], [TIE, "No difference"], [RIGHT, "Right"]],
                }
            ],
            "marks": False,
        },
        RATING: {
            "title": "Rating",
            "fields": [
                {"key": key, "question": title, "low": low, "high": high, "options": scale}
                for key, (title, low, high) in RATINGS.items()
            ],
            "marks": False,
        },
        DIAGNOSIS: {
            "title": "Finding and diagnosis",
            "fields": [
                {"key": "class", "question": "Diagnosis", "options": [[name, name] for name in classes]},
                {
                    "key": "confidence",
                    "question": "How sure are you?",
                    "low": "a guess",
                    "high": "certain",
                    "options": scale[:CONFIDENCE],
                },
            ],
            "marks": True,
        },
    }


def check_answer(task: str, answer: Mapping[str, Any], asked: Mapping[str, Any], where: str) -> None:
    """Refuse an answer that the page cannot have given; parts may be missing.

    Raises:
        InputError: one line with `where`, the key and what is allowed.
    """
    allowed = {field["key"]: [value for value, _ in field["options"]] for field in asked[task]["fields"]}
    for key, value in answer.items():
        if key == "marks" and asked[task]["marks"]:
            if not isinstance(value, list) or len(value) > 100 or not all(_is_place(place) for place in value):
                raise InputError(f"{where}: marks must be a list of at most 100 places [x, y]")
        elif key not in allowed:
            raise InputError(f"{where}: there is no question {key!r}; expected {', '.join(allowed)}")
        elif value not in allowed[key] or isinstance(value, bool):
            raise InputError(f"{where}: {key} must be one of {allowed[key]}, got {value!r}")


def is_complete(task: str, answer: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether every question of the task has its answer."""
    return all(field["key"] in answer for field in asked[task]["fields"])


def _is_place(place: Any) -> bool:
    return (
        isinstance(place, list)
        and len(place) == 2
        and all(isinstance(v, (int, float)) and not isinstance(v, bool) and -1e6 < v < 1e6 for v in place)
    )

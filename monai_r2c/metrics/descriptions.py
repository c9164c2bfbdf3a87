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

from dataclasses import dataclass

RESTORED = "_restored"


@dataclass(frozen=True)
class ScoreDescription:
    """What a score is, for tables.

    Args:
        title: as people read it.
        group: heading under which it stands.
        value_range: such as ``0 to 1``.
        higher_is_better: None where neither direction is good by itself.
        meaning: one sentence.
    """

    title: str
    group: str
    value_range: str
    higher_is_better: bool | None
    meaning: str

    @property
    def better(self) -> str:
        """``higher``, ``lower`` or nothing."""
        return {True: "higher", False: "lower", None: ""}[self.higher_is_better]


CLASSIFICATION, REFERENCE, QUALITY, DISTANCE, DISEASE = (
    "Classification",
    "Against the clean original",
    "Image quality without a reference",
    "Distance to the good domain",
    "What restoration keeps",
)
_UNIT = "0 to 1"

DESCRIPTIONS: dict[str, ScoreDescription] = {
    "accuracy": ScoreDescription("Accuracy", CLASSIFICATION, _UNIT, True, "Share of images given their own class."),
    "sensitivity": ScoreDescription("Sensitivity", CLASSIFICATION, _UNIT, True, "Share of positives that were found."),
    "specificity": ScoreDescription("Specificity", CLASSIFICATION, _UNIT, True, "Share of negatives left as such."),
    "precision": ScoreDescription("Precision", CLASSIFICATION, _UNIT, True, "Share of positive calls that are right."),
    "f1": ScoreDescription("F1", CLASSIFICATION, _UNIT, True, "Harmonic mean of precision and sensitivity."),
    "f2": ScoreDescription("F2", CLASSIFICATION, _UNIT, True, "The same with sensitivity weighted more."),
    "auc": ScoreDescription("ROC AUC", CLASSIFICATION, _UNIT, True, "Chance that a positive ranks above a negative."),
    "average_precision": ScoreDescription(
        "Average precision", CLASSIFICATION, _UNIT, True, "Area under the precision-recall curve."
    ),
    "calibration_error": ScoreDescription(
        "Expected calibration error", CLASSIFICATION, _UNIT, False, "Mean gap between confidence and accuracy."
    ),
    "psnr": ScoreDescription("PSNR (dB)", REFERENCE, "0 and up", True, "Peak signal-to-noise ratio."),
    "ssim": ScoreDescription("SSIM", REFERENCE, "-1 to 1", True, "Structural similarity."),
    "ms_ssim": ScoreDescription("Multi-scale SSIM", REFERENCE, _UNIT, True, "Structural similarity over five scales."),
    "noise": ScoreDescription(
        "Noise (gray levels)", QUALITY, "0 and up", False, "Immerkaer's estimate; very low can mean oversmoothed."
    ),
    "sharpness": ScoreDescription(
        "Sharpness", QUALITY, "0 and up", None, "Edge strength relative to contrast; noise raises it too."
    ),
    "contrast": ScoreDescription("Contrast (gray levels)", QUALITY, "0 to 255", None, "95th minus 5th percentile."),
    "exposure": ScoreDescription("Exposure (gray level)", QUALITY, "0 to 255", None, "Mean gray level."),
    "niqe": ScoreDescription(
        "NIQE", QUALITY, "0 and up", False, "Distance of local statistics from those of the good training images."
    ),
    "frechet_distance": ScoreDescription(
        "Frechet distance", DISTANCE, "0 and up", False, "Between features of these images and of good ones."
    ),
    "kernel_distance": ScoreDescription(
        "Kernel distance", DISTANCE, "about 0 and up", False, "Squared maximum mean discrepancy of the same features."
    ),
    "class_preserved": ScoreDescription(
        "Class preserved", DISEASE, _UNIT, True, "An independent classifier gives the same class before and after."
    ),
    "own_class_preserved": ScoreDescription(
        "Class preserved (own head)", DISEASE, _UNIT, True, "The model's own class head gives the same class after."
    ),
    "cycle_error": ScoreDescription(
        "Cycle error", DISEASE, _UNIT, False, "Mean difference after restoring and degrading again."
    ),
    "structural_change": ScoreDescription(
        "Structural change", DISEASE, _UNIT, False, "Change of local structure where it is largest (5 % of pixels)."
    ),
    "structure_flagged": ScoreDescription(
        "Flagged for structure", DISEASE, _UNIT, False, "Share changed more than 95 % of good images are."
    ),
}


def describe_score(name: str) -> ScoreDescription:
    """Return what the score `name` is, with or without ``_restored`` at its end; an unknown one by its name alone."""
    known = DESCRIPTIONS.get(name.removesuffix(RESTORED))
    return known or ScoreDescription(name.replace("_", " "), "Other", "", None, "")

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

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from monai.losses import SSIMLoss

from monai_r2c.utils import InputError
from monai_r2c.utils import R2CKeys as Keys

_WINDOW = 8  # pixels

# the six generator passes, and whose class each of them has to predict
PASSES = {
    Keys.RESTORED: Keys.POOR_LABEL,
    Keys.DEGRADED: Keys.GOOD_LABEL,
    Keys.CYCLED_POOR: Keys.POOR_LABEL,
    Keys.CYCLED_GOOD: Keys.GOOD_LABEL,
    Keys.IDENTITY_POOR: Keys.POOR_LABEL,
    Keys.IDENTITY_GOOD: Keys.GOOD_LABEL,
}


class RestoreToClassifyLoss(nn.Module):
    """Loss of both generators: adversarial, cycle, identity and class terms, each by name, and their weighted total.

    ``total = a (adversarial_restored + adversarial_degraded) + c (cycle_poor + cycle_good)
    + i (identity_poor + identity_good) + k (the class terms) + s synthetic_absolute + t structure_synthetic
    + d detail_synthetic``

    Adversarial terms are least squares against 1 without activation, cycle and identity terms mean absolute
    differences, class terms cross-entropies on logits. All are computed in float32.

    Args:
        adversarial_weight: a, published 1.
        cycle_weight: c, published 10.
        identity_weight: i, published 5.
        class_weight: k, published 0.1 for each of the six generator passes.
        synthetic_weight: s, of the mean absolute difference between restored synthetic images and the originals they
            were made from. Published 0, which leaves them out; otherwise their pass has a class term too.
        structure_weight: t, of 1 - SSIM of the same images (MONAI's ``SSIMLoss``), beside `synthetic_weight`. Published
            0, which leaves it out.
        detail_weight: d, of the mean absolute difference between the same images' mean gradient in windows of
            8 pixels, beside `synthetic_weight`: what is smoother than its original costs, wherever the detail lies.
            Published 0, which leaves it out.
        label_weights: weight of each class in the cross-entropy, at least 0: each item's is multiplied by its class's
            weight, then the mean over the batch is taken. So a weight counts in a batch of one too, and parts of a
            batch give the mean of the whole. None weighs all classes by 1.

    Raises:
        InputError: when a weight is negative, NaN or infinite, or one beside `synthetic_weight` is given without it;
            in a step, when there is not one label weight for each class, there are no synthetic images for their
            weight, or no weight for a warm start.

    Source: R2C-GAN, arXiv:2209.14770.
    """

    def __init__(
        self,
        adversarial_weight: float = 1.0,
        cycle_weight: float = 10.0,
        identity_weight: float = 5.0,
        class_weight: float = 0.1,
        label_weights: Sequence[float] | None = None,
        synthetic_weight: float = 0.0,
        structure_weight: float = 0.0,
        detail_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.weights = {
            "adversarial": adversarial_weight,
            "cycle": cycle_weight,
            "identity": identity_weight,
            "class": class_weight,
            "synthetic": synthetic_weight,
            "structure": structure_weight,
            "detail": detail_weight,
        }
        for name, weight in self.weights.items():
            if not 0 <= weight < math.inf:
                raise InputError(f"{name}_weight must be at least 0, got {weight}.")
            if name in ("structure", "detail") and weight > 0 and not synthetic_weight:
                raise InputError(
                    f"{name}_weight: needs a synthetic_weight above 0, because it compares synthetic images."
                )
        self.label_weights: torch.Tensor | None
        self.register_buffer("label_weights", None if label_weights is None else _checked_weights(label_weights))

    def forward(
        self,
        images: Mapping[str, torch.Tensor],
        logits: Mapping[str, torch.Tensor],
        scores: Mapping[str, torch.Tensor],
        labels: Mapping[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        """Compute every term.

        Args:
            images: ``poor``, ``good``, ``cycled_poor``, ``cycled_good``, ``identity_poor``, ``identity_good``, each
                ``(batch, channels, *spatial)``; with a `synthetic_weight` also ``synthetic_restored`` and
                ``synthetic_reference``.
            logits: of the passes ``restored``, ``degraded``, ``cycled_poor``, ``cycled_good``, ``identity_poor``
                and ``identity_good``, and of ``synthetic_restored`` where there is one, each ``(batch, classes)``.
            scores: discriminator maps of the ``restored`` and the ``degraded`` image.
            labels: ``poor_label`` and ``good_label``, each ``(batch,)`` integer.

        Returns:
            Scalars by name, unweighted, and ``generator_loss``, their weighted total.
        """
        losses = {
            "adversarial_restored": least_squares(scores[Keys.RESTORED], 1.0),
            "adversarial_degraded": least_squares(scores[Keys.DEGRADED], 1.0),
            "cycle_poor": _absolute(images[Keys.CYCLED_POOR], images[Keys.POOR]),
            "cycle_good": _absolute(images[Keys.CYCLED_GOOD], images[Keys.GOOD]),
            "identity_poor": _absolute(images[Keys.IDENTITY_POOR], images[Keys.POOR]),
            "identity_good": _absolute(images[Keys.IDENTITY_GOOD], images[Keys.GOOD]),
        }
        for name, label in PASSES.items():
            losses[f"class_{name}"] = self._class_term(logits[name].float(), labels[label])
        if self.weights["synthetic"] > 0:
            losses |= self._synthetic_terms(images, logits, labels)
        return self._with_total(losses)

    def synthetic(
        self,
        images: Mapping[str, torch.Tensor],
        logits: Mapping[str, torch.Tensor],
        labels: Mapping[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        """Compute the terms of synthetic images alone, and ``generator_loss``, their weighted total: for a warm start.

        Args:
            images: ``synthetic_restored`` and ``synthetic_reference``.
            logits: of ``synthetic_restored``.
            labels: ``good_label``.
        """
        if not self.weights["synthetic"]:
            raise InputError("synthetic_weight: is 0, so a warm start would learn no restoration; give one above 0.")
        return self._with_total(self._synthetic_terms(images, logits, labels))

    def _synthetic_terms(
        self,
        images: Mapping[str, torch.Tensor],
        logits: Mapping[str, torch.Tensor],
        labels: Mapping[str, torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        if Keys.SYNTHETIC_RESTORED not in images:
            raise InputError(
                f"synthetic_weight: is {self.weights['synthetic']}, but there are no synthetic images; give "
                "UnpairedDataset a synthetic_degradation."
            )
        restored = images[Keys.SYNTHETIC_RESTORED]
        reference = images[Keys.SYNTHETIC_REFERENCE]
        terms = {
            "synthetic_absolute": _absolute(restored, reference),
            f"class_{Keys.SYNTHETIC_RESTORED}": self._class_term(
                logits[Keys.SYNTHETIC_RESTORED].float(), labels[Keys.GOOD_LABEL]
            ),
        }
        if self.weights["structure"] > 0:
            terms["structure_synthetic"] = _dissimilarity(restored, reference)
        if self.weights["detail"] > 0:
            terms["detail_synthetic"] = _absolute(_local_gradient(restored), _local_gradient(reference))
        return terms

    def _with_total(self, losses: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        weighted = [self.weights[name.partition("_")[0]] * value for name, value in losses.items()]
        return {**losses, "generator_loss": torch.stack(weighted).sum()}

    def _class_term(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.label_weights is None:
            return F.cross_entropy(logits, labels)
        if len(self.label_weights) != logits.shape[1]:
            raise InputError(
                f"label_weights: {len(self.label_weights)} weights for {logits.shape[1]} classes; give one for each."
            )
        # torch's own mean divides by the weights' sum
        return F.cross_entropy(logits, labels, self.label_weights, reduction="none").mean()


class UnpairedDiscriminatorLoss(nn.Module):
    """Loss of both discriminators: least squares of real images against 1 and of generated ones against 0.

    Summed over real and generated and over both discriminators, without a factor 1/2. Computed in float32.

    Source: R2C-GAN, arXiv:2209.14770.
    """

    def forward(self, real: Mapping[str, torch.Tensor], fake: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Compute every term.

        Args:
            real: score maps of real images, by domain (``poor``, ``good``).
            fake: score maps of generated images, by the domain that they imitate.

        Returns:
            Scalars ``poor_real``, ``poor_fake``, ``good_real``, ``good_fake`` and ``discriminator_loss``, their sum.
        """
        losses = {}
        for domain in (Keys.POOR, Keys.GOOD):
            losses[f"{domain}_real"] = least_squares(real[domain], 1.0)
            losses[f"{domain}_fake"] = least_squares(fake[domain], 0.0)
        return {**losses, "discriminator_loss": torch.stack(list(losses.values())).sum()}


def least_squares(scores: torch.Tensor, target: float) -> torch.Tensor:
    """Mean squared difference of a score map from a constant, as a float32 scalar.

    MONAI's ``PatchAdversarialLoss`` is the same function, but copies its target to the device at every call.
    """
    return (scores.float() - target).square().mean()


def _absolute(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.l1_loss(image.float(), target.float())


def _dissimilarity(image: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - SSIM of images in [-1, 1], which SSIM reads from 0 to 2.

    Its windows are convolutions, which autocast would round so far that a variance becomes negative.
    """
    with torch.autocast(image.device.type, enabled=False):
        return SSIMLoss(image.dim() - 2, data_range=2.0)(image.float() + 1, target.float() + 1)


def _local_gradient(image: torch.Tensor) -> torch.Tensor:
    """Mean length of the gradient in windows of 8 pixels that overlap by half, of images of any dimensions."""
    image = image.float()
    squares = torch.zeros_like(image)
    for axis in range(2, image.dim()):
        squares = squares + (image - image.roll(1, axis)).square()
    for axis in range(2, image.dim()):
        squares = squares.narrow(axis, 1, image.shape[axis] - 1)
    pool = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[image.dim() - 2]
    return pool((squares + 1e-6).sqrt(), _WINDOW, _WINDOW // 2, ceil_mode=True)


def _checked_weights(values: Sequence[float]) -> torch.Tensor:
    try:
        weights = torch.as_tensor(values, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        weights = torch.tensor(math.nan)
    if weights.ndim != 1 or not (weights.isfinite() & (weights >= 0)).all():
        raise InputError(f"label_weights: must be a list of finite numbers of at least 0, one a class, got {values!r}.")
    return weights.detach().clone()

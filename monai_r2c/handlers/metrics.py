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

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn as nn
from ignite.distributed import get_world_size
from ignite.engine import Engine
from monai.handlers.ignite_metric import IgniteMetricHandler
from monai.handlers.utils import from_engine
from monai.inferers import Inferer

from monai_r2c.metrics import (
    ClassificationMetric,
    ClassPreservationMetric,
    CycleErrorMetric,
    FeatureDistanceMetric,
    GroupedMetric,
    NIQEMetric,
    NIQEModel,
    QualityMetric,
    ReferenceMetric,
    StructuralChangeMetric,
)
from monai_r2c.metrics.bootstrap import RESAMPLES
from monai_r2c.utils import InputError
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.metadata import plain_tensor

from .engine_state import sees_all

_CLASSES = from_engine(["probabilities", "label"])
_INPUT = from_engine("image")
_WITH_INPUT = from_engine(["restored", "image"])
_WITH_REFERENCE = from_engine(["restored", "reference"])


class ScoresHandler(IgniteMetricHandler):
    """Attaches a `GroupedMetric` to an engine: each score under its own name in ``engine.state.metrics``.

    Images of one ``patient`` (a key of the engine's output items, where known) count as one group. What belongs to
    single images is found in ``engine.state.metric_details[name]``, by name of the value. Items with ``error`` are
    passed over; where every image failed there are no scores.

    Args:
        metric_fn: the metric.
        output_transform: takes the metric's one or two inputs from ``engine.state.output``, such as
            ``from_engine(["restored", "reference"])``.
        suffix: put behind the name of each score, such as ``_restored``.
        prefix: put before it.

    Raises:
        InputError: during a run, when the engine's output has not what `output_transform` takes.
    """

    metric_fn: GroupedMetric

    def __init__(
        self, metric_fn: GroupedMetric, output_transform: Callable, suffix: str = "", prefix: str = ""
    ) -> None:
        super().__init__(metric_fn=metric_fn, output_transform=self._take)
        self.take = output_transform
        self.suffix, self.prefix = suffix, prefix
        self._skip_unrolling = True  # a batch stays whole, beside its patients
        self._patients: list[Any] | None = None
        self._has_passed_over = self._has_taken = False

    def reset(self) -> None:
        self._has_passed_over = self._has_taken = False
        super().reset()

    def iteration_completed(self, engine: Engine) -> None:
        output: Any = engine.state.output
        self.metric_fn.has_all = sees_all(engine)
        self._patients = None
        if _is_items(output):
            restored = _restored(output)
            self._has_passed_over |= len(restored) < len(output)
            if output and not restored:
                return
            self._patients = [item.get("patient") for item in restored]
        super().iteration_completed(engine)

    def update(self, output: Any) -> None:
        self._has_taken = True
        pair = output if isinstance(output, tuple) and len(output) == 2 else (output, None)
        self._is_reduced = False
        self.metric_fn(_plain(pair[0]), _plain(pair[1]), groups=self._patients)

    def compute(self) -> dict[str, Any]:
        # of several processes another may have images, and waits for this one's
        has_none = self._has_passed_over and not self._has_taken and (self.metric_fn.has_all or get_world_size() == 1)
        scores = {} if has_none else self.metric_fn.aggregate()
        self._is_reduced = True
        if self._engine is not None and self._name is not None:
            details: dict[str, Any] = self._engine.state.metric_details  # type: ignore[attr-defined]
            details[self._name] = {} if has_none else self._named(self.metric_fn.image_values())
        return self._named(scores)

    def _take(self, output: Any) -> Any:
        try:
            return self.take(_restored(output) if _is_items(output) else output)
        except KeyError as error:
            raise InputError(
                f"{type(self).__name__}: the engine's output has no {error}; attach it to an R2CEvaluator whose "
                "batches have what it needs, or give output_transform."
            ) from error

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {f"{self.prefix}{name}{self.suffix}": value for name, value in values.items()}


class ClassificationScores(ScoresHandler):
    """Attaches `ClassificationMetric` to an engine.

    Args:
        output_transform: takes probabilities and labels from ``engine.state.output``.
        classes, resamples: see `ClassificationMetric`.
        suffix: see `ScoresHandler`.
    """

    def __init__(
        self,
        output_transform: Callable = _CLASSES,
        classes: Sequence[str] = (),
        suffix: str = "",
        resamples: int = RESAMPLES,
    ) -> None:
        super().__init__(ClassificationMetric(classes, resamples), output_transform, suffix)


class ReferenceScores(ScoresHandler):
    """Attaches `ReferenceMetric`, of images and their clean originals, to an engine."""

    def __init__(
        self,
        output_transform: Callable = _WITH_REFERENCE,
        suffix: str = "",
        resamples: int = RESAMPLES,
    ) -> None:
        super().__init__(ReferenceMetric(resamples), output_transform, suffix)


class QualityScores(ScoresHandler):
    """Attaches `QualityMetric`, of images in [0, 1], to an engine."""

    def __init__(self, output_transform: Callable = _INPUT, suffix: str = "", resamples: int = RESAMPLES) -> None:
        super().__init__(QualityMetric(resamples), output_transform, suffix)


class NIQEScores(ScoresHandler):
    """Attaches `NIQEMetric`, of images in [0, 1] with a model of good ones, to an engine."""

    def __init__(
        self,
        model: NIQEModel,
        output_transform: Callable = _INPUT,
        suffix: str = "",
        resamples: int = RESAMPLES,
    ) -> None:
        super().__init__(NIQEMetric(model, resamples), output_transform, suffix)


class FeatureDistanceScores(ScoresHandler):
    """Attaches `FeatureDistanceMetric`, of images in [0, 1], to an engine.

    Args:
        features: see `FeatureDistanceMetric`.
        good: the handler attached to the engine of the good images, which must have run before this one ends; None for
            that handler itself.
        output_transform, suffix: see `ScoresHandler`.
    """

    def __init__(
        self,
        features: Callable[[torch.Tensor], torch.Tensor],
        good: ScoresHandler | None = None,
        output_transform: Callable = _INPUT,
        suffix: str = "",
    ) -> None:
        super().__init__(FeatureDistanceMetric(features, _metric_of(good)), output_transform, suffix)


class ClassPreservationScores(ScoresHandler):
    """Attaches `ClassPreservationMetric`, of images or probabilities after and before restoration, to an engine."""

    def __init__(
        self,
        classifier: nn.Module | None = None,
        output_transform: Callable = _WITH_INPUT,
        input_range: Sequence[float] = (0.0, 1.0),
        prefix: str = "",
        resamples: int = RESAMPLES,
    ) -> None:
        super().__init__(ClassPreservationMetric(classifier, input_range, resamples), output_transform, prefix=prefix)


class CycleErrorScores(ScoresHandler):
    """Attaches `CycleErrorMetric`, of restored images and their inputs in [0, 1], to an engine."""

    def __init__(
        self,
        degrader: nn.Module,
        inferer: Inferer | None = None,
        output_transform: Callable = _WITH_INPUT,
        resamples: int = RESAMPLES,
    ) -> None:
        super().__init__(CycleErrorMetric(degrader, inferer, resamples), output_transform)


class StructuralChangeScores(ScoresHandler):
    """Attaches `StructuralChangeMetric`, of restored images and their inputs in [0, 1], to an engine.

    Args:
        good: the handler attached to the engine of the good images, which must have run before this one ends.
        quantile, resamples: see `StructuralChangeMetric`.
        output_transform: see `ScoresHandler`.
    """

    def __init__(
        self,
        good: ScoresHandler | None = None,
        quantile: float = 0.95,
        output_transform: Callable = _WITH_INPUT,
        resamples: int = RESAMPLES,
    ) -> None:
        super().__init__(StructuralChangeMetric(_metric_of(good), quantile, resamples), output_transform)


def _is_items(output: Any) -> bool:
    return isinstance(output, Sequence) and all(isinstance(item, Mapping) for item in output)


def _restored(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in items if Keys.ERROR not in item]


def _plain(values: Any) -> Any:
    if isinstance(values, torch.Tensor):
        return plain_tensor(values)
    return [_plain(value) for value in values] if isinstance(values, list) else values


def _metric_of(handler: ScoresHandler | None) -> Any:
    return None if handler is None else handler.metric_fn

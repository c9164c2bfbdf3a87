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

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import torch
import torch.nn as nn
from ignite.engine import Engine
from ignite.metrics import Metric
from monai.engines import Evaluator, default_metric_cmp_fn
from monai.engines.utils import IterationEvents
from monai.inferers import Inferer
from monai.transforms import Transform
from torch.utils.data import DataLoader

from monai_r2c.inferers import RestorationInferer, keeps_native_detail
from monai_r2c.utils import InputError, RunError, describe_error
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.metadata import plain_tensor, with_metadata_of

from .ahead import RESULT, Ahead, lanes_taken
from .batch import prepare_image_batch
from .precision import autocast_for


class R2CEvaluator(Evaluator):
    """Restores and classifies images: one output item for each, with MONAI or ignite metrics attached.

    An output item holds ``image`` (the input), ``restored`` (last pass), ``logits`` and ``probabilities`` (of the first
    pass, as published), ``pred`` (the most probable class), with `classify_restored` the ``restored_probabilities``,
    and where the batch has them ``label``, ``reference``, ``file`` and ``patient``. Items are decollated, and images
    that come as MetaTensor stay so: ``restored`` has the metadata and the applied and pending operations of ``image``.
    So MONAI's post-processing and handlers work as with its own evaluators, ``Invertd`` and ``SaveImaged`` included.

    Args:
        device: where the restorer is and the batches go.
        val_data_loader: gives batches with ``image`` ``(batch, channels, *spatial)`` in [-1, 1], and optionally
            ``label``, ``reference`` (the clean original) and ``file``.
        restorer: network that returns ``(image, logits)``.
        inferer: any of MONAI's that gives ``(image, logits)`` of the restorer; default one pass, `RestorationInferer`.
        precision: ``fp32``, ``bf16``, or ``fp16`` on CUDA.
        classify_restored: whether the restored image is classified too, which takes another pass.
        keep_going: whether an image that cannot be restored, or that the loader says could not be read (``error``, see
            `RestorationDataset`), gives an output item with ``error``, and ``file`` where the batch has it, alone
            instead of ending the run. It takes batches of one image.
        lanes: how many batches are restored ahead in threads, each with a share of torch's, while the handlers are at
            work on those before, see `lanes_for`; 0 restores each batch when its turn comes. In lanes a random network
            draws its numbers in no fixed order.
        prepare_batch: see `prepare_image_batch`.
        key_val_metric, additional_metrics, val_handlers: as in MONAI's ``SupervisedEvaluator``, like the rest.

    Raises:
        InputError: with `keep_going`, when the loader gives batches of several images: here, where it says so
            (``batch_size``), or during the run.
    """

    def __init__(
        self,
        device: str | torch.device,
        val_data_loader: Iterable | DataLoader,
        restorer: nn.Module,
        inferer: Inferer | None = None,
        precision: str = "fp32",
        classify_restored: bool = False,
        keep_going: bool = False,
        lanes: int = 0,
        epoch_length: int | None = None,
        non_blocking: bool = False,
        prepare_batch: Callable = prepare_image_batch,
        iteration_update: Callable[[Engine, Any], Any] | None = None,
        postprocessing: Transform | None = None,
        key_val_metric: dict[str, Metric] | None = None,
        additional_metrics: dict[str, Metric] | None = None,
        metric_cmp_fn: Callable = default_metric_cmp_fn,
        val_handlers: Sequence | None = None,
        event_names: list | None = None,
        event_to_attr: dict | None = None,
        decollate: bool = True,
        to_kwargs: dict | None = None,
    ) -> None:
        if keep_going:
            _check_is_one(getattr(val_data_loader, "batch_size", None) or 1)
        self.restorer = restorer
        self.inferer = RestorationInferer() if inferer is None else inferer
        self.classify_restored = classify_restored
        self.keep_going = keep_going
        self.precision, self.lanes = precision, lanes
        autocast_for(precision, torch.device(device))  # which refuses a wrong one
        if lanes:
            restorer.eval()
            size = getattr(self.inferer, "size", "native")
            in_tiles = keeps_native_detail(restorer)
            val_data_loader = Ahead(
                val_data_loader, self._infer, restorer, lanes, lambda batch: lanes_taken(batch, size, lanes, in_tiles)
            )
        super().__init__(
            device=device,
            val_data_loader=val_data_loader,
            epoch_length=epoch_length,
            non_blocking=non_blocking,
            prepare_batch=prepare_batch,
            iteration_update=iteration_update,
            postprocessing=postprocessing,
            key_val_metric=key_val_metric,
            additional_metrics=additional_metrics,
            metric_cmp_fn=metric_cmp_fn,
            val_handlers=None,
            event_names=event_names,
            event_to_attr=event_to_attr,
            decollate=decollate,
            to_kwargs=to_kwargs,
        )
        if key_val_metric is None:  # MONAI attaches additional metrics only beside a key metric
            for name, metric in (additional_metrics or {}).items():
                metric.attach(self, name)
        # after the metrics, so that they find them computed
        self._register_handlers(val_handlers or ())

    def _iteration(self, engine: Engine, batchdata: Any) -> dict[str, Any]:
        ahead = batchdata.pop(RESULT, None) if self.lanes else None  # what is left is decollated
        if not self.keep_going:
            return self._restore(engine, batchdata, ahead)
        named = {Keys.FILE: batchdata[Keys.FILE][0]} if Keys.FILE in batchdata else {}
        errors = batchdata.get(Keys.ERROR)
        _check_is_one(len(batchdata["image"] if errors is None else errors))
        if errors is None:
            try:
                return self._restore(engine, batchdata, ahead)
            except RunError:
                raise
            except Exception as error:  # whatever is wrong with one image, the others go on
                errors = [describe_error(error, named.get(Keys.FILE, f"image {engine.state.iteration}"))]
        failed: Any = [{**named, Keys.ERROR: errors[0]}]
        engine.state.output = failed
        return failed

    def _restore(self, engine: Engine, batchdata: Any, ahead: Future | None) -> dict[str, Any]:
        inferred = self._infer(self.restorer, batchdata) if ahead is None else ahead.result()
        batch, restored, logits, again, seconds = inferred
        logits = logits.float()
        probabilities = logits.softmax(dim=1)
        output: dict[str, Any] = {
            "image": batch["image"],
            Keys.RESTORED: with_metadata_of(batch["image"], restored.float()),
            Keys.LOGITS: logits,
            Keys.PROBABILITIES: probabilities,
            "pred": probabilities.argmax(dim=1),
            **{key: batch[key] for key in ("label", Keys.REFERENCE, Keys.FILE, Keys.PATIENT) if key in batch},
        }
        if ahead is not None:  # this step has not seen the time that it took
            output[Keys.SECONDS] = torch.full((len(logits),), seconds / len(logits), dtype=torch.float64)
        if again is not None:
            output[Keys.RESTORED_PROBABILITIES] = again[1].float().softmax(dim=1)
        engine.state.output = output  # type: ignore[assignment]
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # type: ignore[return-value]

    def _infer(self, network: nn.Module, batchdata: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return prepared batch, restored images, logits, what the restored images give in turn, and the seconds."""
        start, device = time.perf_counter(), self.state.device
        batch = self.prepare_batch(batchdata, device, self.non_blocking, **self.to_kwargs)
        # MetaTensor slows every operation down, and not every network keeps it
        image = plain_tensor(batch["image"])
        try:
            with torch.no_grad(), self.mode(network), autocast_for(self.precision, device):
                restored, logits = self.inferer(image, network)
                again = self.inferer(restored, network) if self.classify_restored else None
        except InputError as error:  # it knows no names
            files = ", ".join(map(str, batchdata.get(Keys.FILE, ())))
            raise InputError(f"{files or 'image'}: {error}") from error
        return batch, restored, logits, again, time.perf_counter() - start


def _check_is_one(images: int) -> None:
    if images != 1:
        raise InputError(f"R2CEvaluator: keep_going takes batches of one image, got {images}; say batch_size=1.")

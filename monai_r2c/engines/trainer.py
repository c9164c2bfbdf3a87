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

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn as nn
from ignite.engine import Engine, Events
from ignite.metrics import Metric
from monai.engines import Trainer, default_metric_cmp_fn
from monai.engines.utils import IterationEvents
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from monai_r2c.data import ImagePool
from monai_r2c.losses import RestoreToClassifyLoss, UnpairedDiscriminatorLoss
from monai_r2c.utils import InputError
from monai_r2c.utils import R2CKeys as Keys

from .batch import prepare_unpaired_batch
from .events import R2CEvents
from .learning_rate import linear_decay
from .precision import autocast_for, scaler_for
from .translation import translate_unpaired


class NonFiniteLossError(RuntimeError):
    """A loss became NaN or infinite; the message names the term, the step and the files of the batch."""


class R2CTrainer(Trainer):
    """Trains restorer, degrader and two discriminators on unpaired images, each with its class.

    A step updates both generators with the discriminators frozen, then both discriminators on the same translated
    images (through the pools). Learning rates are constant up to `decay_epoch`, then fall linearly, step by step, to
    zero at the end of `max_epochs`. ``engine.state.output`` holds every loss term by name (`RestoreToClassifyLoss`,
    `UnpairedDiscriminatorLoss`), both learning rates (``generator_learning_rate``,
    ``discriminator_learning_rate``), the images of the step by name and the files they came from. Fires `R2CEvents`
    and MONAI's ``MODEL_COMPLETED``.

    Args:
        device: where the networks are and the batches go.
        max_epochs: epochs of the whole run.
        train_data_loader: gives batches of `UnpairedDataset`, whose epoch is set at the start of each epoch.
        restorer, degrader: networks that return ``(image, logits)``.
        poor_discriminator, good_discriminator: networks that return a score map.
        generator_optimizer, discriminator_optimizer: of both generators, of both discriminators.
        generator_loss, discriminator_loss: default as published.
        poor_pool, good_pool: histories of generated images of each domain; default pools of 50.
        decay_epoch: epochs at the full learning rate; None, or at least `max_epochs`, keeps it to the end.
        precision: ``fp32``, ``bf16``, or ``fp16`` on CUDA with one gradient scaler for each optimizer.
        prepare_batch: see `prepare_unpaired_batch`.
        epoch_length, non_blocking, iteration_update, postprocessing, key_train_metric, additional_metrics,
            metric_cmp_fn, train_handlers, event_names, event_to_attr, to_kwargs: as in MONAI's ``SupervisedTrainer``.

    Raises:
        InputError: at construction, when the loader gives no batch or `precision` does not fit the device.
        NonFiniteLossError: during a run, at the step whose loss is NaN or infinite, before its weights are touched.

    Source: R2C-GAN, arXiv:2209.14770.
    """

    def __init__(
        self,
        device: str | torch.device,
        max_epochs: int,
        train_data_loader: Iterable | DataLoader,
        restorer: nn.Module,
        degrader: nn.Module,
        poor_discriminator: nn.Module,
        good_discriminator: nn.Module,
        generator_optimizer: Optimizer,
        discriminator_optimizer: Optimizer,
        generator_loss: Callable[..., dict[str, torch.Tensor]] | None = None,
        discriminator_loss: Callable[..., dict[str, torch.Tensor]] | None = None,
        poor_pool: Callable[[torch.Tensor], torch.Tensor] | None = None,
        good_pool: Callable[[torch.Tensor], torch.Tensor] | None = None,
        decay_epoch: int | None = None,
        precision: str = "fp32",
        epoch_length: int | None = None,
        non_blocking: bool = False,
        prepare_batch: Callable = prepare_unpaired_batch,
        iteration_update: Callable[[Engine, Any], Any] | None = None,
        postprocessing: Callable | None = None,
        key_train_metric: dict[str, Metric] | None = None,
        additional_metrics: dict[str, Metric] | None = None,
        metric_cmp_fn: Callable = default_metric_cmp_fn,
        train_handlers: Sequence | None = None,
        event_names: list | None = None,
        event_to_attr: dict | None = None,
        to_kwargs: dict | None = None,
    ) -> None:
        self.restorer, self.degrader = restorer, degrader
        self.poor_discriminator, self.good_discriminator = poor_discriminator, good_discriminator
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.generator_loss = RestoreToClassifyLoss().to(device) if generator_loss is None else generator_loss
        self.discriminator_loss = UnpairedDiscriminatorLoss() if discriminator_loss is None else discriminator_loss
        self.poor_pool = ImagePool(seed=0) if poor_pool is None else poor_pool
        self.good_pool = ImagePool(seed=1) if good_pool is None else good_pool
        self.decay_epoch = decay_epoch
        self.autocast = autocast_for(precision, torch.device(device))
        self.generator_scaler, self.discriminator_scaler = scaler_for(precision), scaler_for(precision)
        self._base_rates = {
            optimizer: [group["lr"] for group in optimizer.param_groups]
            for optimizer in (generator_optimizer, discriminator_optimizer)
        }
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            data_loader=train_data_loader,
            epoch_length=epoch_length,
            non_blocking=non_blocking,
            prepare_batch=prepare_batch,
            iteration_update=iteration_update,
            postprocessing=postprocessing,
            key_metric=key_train_metric,
            additional_metrics=additional_metrics,
            metric_cmp_fn=metric_cmp_fn,
            handlers=train_handlers,
            event_names=[*(event_names or []), R2CEvents],
            event_to_attr=event_to_attr,
            decollate=False,
            to_kwargs=to_kwargs,
        )
        if self.state.epoch_length == 0:
            raise InputError("batch_size: larger than the longer domain, so an epoch has no batch; use a smaller one.")

    def run(self) -> None:  # type: ignore[override]
        """Train up to ``max_epochs``, from wherever the state is."""
        # registered last, so that a handler that resumes at STARTED has set the epoch and the optimizers
        for event, handler in ((Events.EPOCH_STARTED, self._start_epoch), (Events.ITERATION_STARTED, self._set_rates)):
            if not self.has_event_handler(handler, event):
                self.add_event_handler(event, handler)
        super().run()

    def checkpoint_objects(self) -> dict[str, Any]:
        """Everything with a ``state_dict`` that a resumed run needs, by name."""
        names = (
            "restorer degrader poor_discriminator good_discriminator generator_optimizer discriminator_optimizer "
            "poor_pool good_pool generator_scaler discriminator_scaler"
        )
        return {name: getattr(self, name) for name in names.split()}

    def _iteration(self, engine: Engine, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        batch = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)

        with _frozen(self.poor_discriminator, self.good_discriminator):
            with self.autocast:
                images, logits = translate_unpaired(self.restorer, self.degrader, batch[Keys.POOR], batch[Keys.GOOD])
                scores = {
                    Keys.RESTORED: self.good_discriminator(images[Keys.RESTORED]),
                    Keys.DEGRADED: self.poor_discriminator(images[Keys.DEGRADED]),
                }
                generator_losses = self.generator_loss(images, logits, scores, batch)
            self._require_finite(generator_losses, batch)
            _update(self.generator_optimizer, self.generator_scaler, generator_losses["generator_loss"])
        engine.fire_event(R2CEvents.GENERATORS_COMPLETED)

        images = {name: image.detach() for name, image in images.items()}
        with self.autocast:
            real = {
                Keys.POOR: self.poor_discriminator(images[Keys.POOR]),
                Keys.GOOD: self.good_discriminator(images[Keys.GOOD]),
            }
            fake = {
                Keys.POOR: self.poor_discriminator(self.poor_pool(images[Keys.DEGRADED])),
                Keys.GOOD: self.good_discriminator(self.good_pool(images[Keys.RESTORED])),
            }
            discriminator_losses = self.discriminator_loss(real, fake)
        self._require_finite(discriminator_losses, batch)
        _update(self.discriminator_optimizer, self.discriminator_scaler, discriminator_losses["discriminator_loss"])
        engine.fire_event(R2CEvents.DISCRIMINATORS_COMPLETED)

        output: dict[str, Any] = {
            **{name: loss.detach() for name, loss in {**generator_losses, **discriminator_losses}.items()},
            "generator_learning_rate": self.generator_optimizer.param_groups[0]["lr"],
            "discriminator_learning_rate": self.discriminator_optimizer.param_groups[0]["lr"],
            **images,
            **{key: batch[key] for key in (Keys.POOR_FILE, Keys.GOOD_FILE) if key in batch},
        }
        engine.state.output = output  # type: ignore[assignment]
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # type: ignore[return-value]

    def _start_epoch(self) -> None:
        for network in (self.restorer, self.degrader, self.poor_discriminator, self.good_discriminator):
            network.train()
        set_epoch = getattr(getattr(self.data_loader, "dataset", None), "set_epoch", None)
        if set_epoch is not None:
            set_epoch(self.state.epoch)

    def _set_rates(self) -> None:
        epochs = self.state.max_epochs if self.decay_epoch is None else self.decay_epoch
        length = self.state.epoch_length
        factor = linear_decay(self.state.iteration - 1, epochs * length, self.state.max_epochs * length)
        for optimizer, rates in self._base_rates.items():
            for group, rate in zip(optimizer.param_groups, rates):
                group["lr"] = rate * factor

    def _require_finite(self, losses: Mapping[str, torch.Tensor], batch: Mapping[str, Any]) -> None:
        if torch.isfinite(torch.stack([loss.detach() for loss in losses.values()])).all():
            return
        terms = ", ".join(f"{name} = {loss.item()}" for name, loss in losses.items() if not torch.isfinite(loss))
        files = ", ".join(str(file) for key in (Keys.POOR_FILE, Keys.GOOD_FILE) for file in batch.get(key, ()))
        raise NonFiniteLossError(
            f"epoch {self.state.epoch}, iteration {self.state.iteration}: {terms}; the batch was {files or 'unnamed'}."
        )


@contextmanager
def _frozen(*networks: nn.Module) -> Iterator[None]:
    """Keep gradients from flowing into the weights of `networks`, not through them."""
    for network in networks:
        network.requires_grad_(False)
    try:
        yield
    finally:
        for network in networks:
            network.requires_grad_(True)


def _update(optimizer: Optimizer, scaler: torch.amp.GradScaler, loss: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()

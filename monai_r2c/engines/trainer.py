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

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from ignite.engine import Engine, Events
from ignite.metrics import Metric
from monai.engines import Trainer, default_metric_cmp_fn
from monai.engines.utils import IterationEvents
from monai.inferers import Inferer, SimpleInferer
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from monai_r2c.data import ImagePool
from monai_r2c.losses import DiscriminatorPenalty, RestoreToClassifyLoss, UnpairedDiscriminatorLoss
from monai_r2c.utils import InputError, NonFiniteLossError
from monai_r2c.utils import R2CKeys as Keys
from monai_r2c.utils.processes import process_rank

from .batch import prepare_unpaired_batch
from .events import R2CEvents
from .learning_rate import LearningRate, Scheduler, linear_decay
from .output import StepOutput
from .precision import autocast_for, scaler_for
from .translation import translate_unpaired
from .update import Update, bare, frozen, split_batch

_LOGGER = logging.getLogger("monai_r2c.training")


class R2CTrainer(Trainer):
    """Trains restorer, degrader and two discriminators on unpaired images, each with its class.

    A step updates both generators with the discriminators frozen, then both discriminators on the same translated
    images (through the pools). Synthetic poor images in the batch (`UnpairedDataset`) are restored in the same step,
    which `RestoreToClassifyLoss` compares with their originals. ``engine.state.output`` holds every loss term by name
    (`RestoreToClassifyLoss`, `UnpairedDiscriminatorLoss`), both learning rates (``generator_learning_rate``,
    ``discriminator_learning_rate``), the images of the step by name (but the identity images, whose names are losses)
    and the files they came from; ``output[0]`` holds the numbers alone, which MONAI's handlers take by default. Fires
    `R2CEvents` and MONAI's ``MODEL_COMPLETED``.

    For several processes give networks within ``DistributedDataParallel``. A discriminator is called without it where
    it is frozen, so that each backward pass averages the gradients of the networks it trains, once.

    Args:
        device: where the networks are and the batches go.
        max_epochs: epochs of the whole run.
        train_data_loader: gives batches of `UnpairedDataset`, whose epoch is set at the start of each epoch; with an
            `EpochSampler` a run resumes within an epoch too.
        restorer, degrader: networks that return ``(image, logits)``.
        poor_discriminator, good_discriminator: networks that return a score map.
        generator_optimizer, discriminator_optimizer: of both generators, of both discriminators.
        generator_loss, discriminator_loss: default as published; modules are moved to `device`.
        poor_pool, good_pool: histories of generated images of each domain; default pools of 50.
        decay_epoch: learning rates are constant for so many epochs, then fall linearly, step by step, to zero at the
            end of `max_epochs`, but of an optimizer with a scheduler; at least `max_epochs` keeps them to the end. None
            leaves learning rates alone.
        generator_scheduler, discriminator_scheduler: of the optimizer of that name; saved and resumed with the run. A
            scheduler of torch steps at the end of every epoch, one of ignite acts on every iteration, and MONAI's
            ``LrScheduleHandler`` around one of torch says itself when it steps.
        discriminator_penalties: further terms of the discriminators' loss by name, such as ``{"r1": R1Penalty()}``:
            their values stand in the output as ``poor_r1`` and ``good_r1``, and are added to ``discriminator_loss``
            times the penalty's weight.
        max_gradient_norm: to which the norm of all gradients of an update is scaled down; None leaves it.
        max_gradient_value: to which every gradient's absolute value is cut, before the norm; None leaves it. With
            either the output holds ``generator_gradient_norm`` and ``discriminator_gradient_norm``, before the limits.
        precision: ``fp32``, ``bf16``, or ``fp16`` on CUDA with one gradient scaler for each optimizer.
        accumulation_steps: equal parts in which a batch goes through the networks before the weights change; more
            parts need less memory and give the same update.
        warm_start_epochs: the first epochs, in which the restorer learns from synthetic images alone, one pass a step
            instead of seven; the degrader and the discriminators wait. 0, as published, has none.
        on_nan: what happens when a loss or gradient is NaN or infinite: ``stop`` raises; ``skip`` leaves that update
            and the rest of the step out, warns, and counts it in ``skipped_steps``; the output then holds the learning
            rates and ``skipped`` (1, else 0) alone.
        seed: torch's global generators are seeded at each step from this, the step and the process, so that networks
            with dropout resume exactly; None leaves them alone.
        prepare_batch: see `prepare_unpaired_batch`.
        key_train_metric, additional_metrics, train_handlers: as in MONAI's ``SupervisedTrainer``, like the rest.
        inferer: how images go through a generator; default MONAI's ``SimpleInferer``.

    Raises:
        InputError: at construction, when the loader gives no batch, its batches do not split into `accumulation_steps`,
            `precision` does not fit the device, a limit is not above 0, or a scheduler is of another optimizer; in the
            first step, when a penalty has the name of another loss term; at any step, when `decay_epoch` would
            overwrite a learning rate that something else has set.
        NonFiniteLossError: during a run, at the step whose loss or gradient is NaN or infinite, before that update.

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
        generator_scheduler: Scheduler | None = None,
        discriminator_scheduler: Scheduler | None = None,
        discriminator_penalties: Mapping[str, DiscriminatorPenalty] | None = None,
        max_gradient_norm: float | None = None,
        max_gradient_value: float | None = None,
        precision: str = "fp32",
        accumulation_steps: int = 1,
        warm_start_epochs: int = 0,
        on_nan: str = "stop",
        seed: int | None = None,
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
        inferer: Inferer | None = None,
    ) -> None:
        self.restorer, self.degrader = restorer, degrader
        self.poor_discriminator, self.good_discriminator = poor_discriminator, good_discriminator
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        self.generator_loss = RestoreToClassifyLoss() if generator_loss is None else generator_loss
        self.discriminator_loss = UnpairedDiscriminatorLoss() if discriminator_loss is None else discriminator_loss
        self.discriminator_penalties = dict(discriminator_penalties or {})
        for loss in (self.generator_loss, self.discriminator_loss, *self.discriminator_penalties.values()):
            if isinstance(loss, nn.Module):
                loss.to(device)
        self.poor_pool = ImagePool(seed=0) if poor_pool is None else poor_pool
        self.good_pool = ImagePool(seed=1) if good_pool is None else good_pool
        self.inferer = SimpleInferer() if inferer is None else inferer
        if warm_start_epochs > 0 and not hasattr(self.generator_loss, "synthetic"):
            raise InputError(
                f"generator_loss: has no method synthetic, which the {warm_start_epochs} warm_start_epochs need, as "
                "RestoreToClassifyLoss has; give it one, or warm_start_epochs 0."
            )
        if accumulation_steps < 1:
            raise InputError(f"accumulation_steps: must be at least 1, got {accumulation_steps}.")
        if on_nan not in ("stop", "skip"):
            raise InputError(f"on_nan: must be stop or skip, got {on_nan!r}.")
        self.decay_epoch, self.accumulation_steps, self.seed = decay_epoch, accumulation_steps, seed
        self.on_nan, self.skipped_steps = on_nan, 0
        self.warm_start_epochs = warm_start_epochs
        autocast = autocast_for(precision, torch.device(device))
        self.generator_scaler, self.discriminator_scaler = scaler_for(precision), scaler_for(precision)
        generators, discriminators = (restorer, degrader), (poor_discriminator, good_discriminator)
        limits = (max_gradient_norm, max_gradient_value)
        self._update_generators = Update(
            "generator", generators, generator_optimizer, self.generator_scaler, autocast, *limits
        )
        self._update_discriminators = Update(
            "discriminator", discriminators, discriminator_optimizer, self.discriminator_scaler, autocast, *limits
        )
        self._learning_rates = (
            LearningRate("generator", generator_optimizer, generator_scheduler),
            LearningRate("discriminator", discriminator_optimizer, discriminator_scheduler),
        )
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
            handlers=[*self._learning_rates, *(train_handlers or [])],
            event_names=[*(event_names or []), R2CEvents],
            event_to_attr=event_to_attr,
            decollate=False,
            to_kwargs=to_kwargs,
        )
        if self.state.epoch_length == 0:
            raise InputError("batch_size: larger than the longer domain, so an epoch has no batch; use a smaller one.")
        batch_size = getattr(train_data_loader, "batch_size", None)
        if batch_size is not None and batch_size % accumulation_steps:
            raise InputError(
                f"accumulation_steps: {accumulation_steps} equal parts cannot be made of a batch_size of {batch_size}; "
                "use a divisor of it."
            )
        # the exception that ends a run says it once; ignite would log it twice before
        self.logger.addFilter(_is_no_exception)

    @property
    def resumes_within_epochs(self) -> bool:
        """Whether the data loader can begin in the middle of an epoch."""
        return hasattr(getattr(self.data_loader, "sampler", None), "start_at")

    def run(self) -> None:  # type: ignore[override]
        """Train up to ``max_epochs``, from wherever the state is."""
        # registered last, so that a handler that resumes at STARTED has set the epoch and the optimizers
        for event, handler in ((Events.EPOCH_STARTED, self._start_epoch), (Events.ITERATION_STARTED, self._start_step)):
            if not self.has_event_handler(handler, event):
                self.add_event_handler(event, handler)
        for rate in self._learning_rates:
            rate.start()
        super().run()

    def checkpoint_objects(self) -> dict[str, Any]:
        """Everything with a ``state_dict`` that a resumed run needs and all processes share, by name."""
        networks = ("restorer", "degrader", "poor_discriminator", "good_discriminator")
        others = ("generator_optimizer", "discriminator_optimizer", "generator_scaler", "discriminator_scaler")
        objects = {name: bare(getattr(self, name)) for name in networks} | {
            name: getattr(self, name) for name in others
        }
        for rate in self._learning_rates:
            objects |= rate.checkpoint_objects()
        return objects

    def process_objects(self) -> dict[str, Any]:
        """Everything with a ``state_dict`` that a resumed run needs and each process has of its own, by name."""
        pools = {"poor_pool": self.poor_pool, "good_pool": self.good_pool}
        return {name: pool for name, pool in pools.items() if hasattr(pool, "state_dict")}

    def _iteration(self, engine: Engine, batchdata: Mapping[str, Any]) -> dict[str, Any]:
        batch = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        output: dict[str, Any] = {
            "generator_learning_rate": self.generator_optimizer.param_groups[0]["lr"],
            "discriminator_learning_rate": self.discriminator_optimizer.param_groups[0]["lr"],
        }
        try:
            step = self._step if self.state.epoch > self.warm_start_epochs else self._warm_step
            output = {**step(engine, batch), **output}
        except NonFiniteLossError as error:
            message = self._describe(error, batch)
            if self.on_nan == "stop":
                raise NonFiniteLossError(message) from None
            self.skipped_steps += 1
            _LOGGER.warning(f"{message} This step is left out, {self.skipped_steps} so far.")
            output["skipped"] = 1.0
        else:
            if self.on_nan == "skip":
                output["skipped"] = 0.0
        engine.state.output = StepOutput(output)  # type: ignore[assignment]
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # type: ignore[return-value]

    def _step(self, engine: Engine, batch: Mapping[str, Any]) -> dict[str, Any]:
        if Keys.SYNTHETIC_CONTEXT in batch:
            raise InputError(
                f"warm_start_epochs: is {self.warm_start_epochs}, but native crops train on synthetic images alone; "
                "use the number of max_epochs."
            )
        parts = split_batch(batch, self.accumulation_steps)
        translated: list[dict[str, torch.Tensor]] = []

        def generator_losses(part: Mapping[str, Any]) -> dict[str, torch.Tensor]:
            restorer, degrader = (partial(self.inferer, network=n) for n in (self.restorer, self.degrader))
            images, logits = translate_unpaired(
                restorer, degrader, part[Keys.POOR], part[Keys.GOOD], part.get(Keys.SYNTHETIC)
            )
            if Keys.SYNTHETIC in part:
                images[Keys.SYNTHETIC_REFERENCE] = part[Keys.SYNTHETIC_REFERENCE]
            scores = {
                Keys.RESTORED: bare(self.good_discriminator)(images[Keys.RESTORED]),
                Keys.DEGRADED: bare(self.poor_discriminator)(images[Keys.DEGRADED]),
            }
            translated.append({name: image.detach() for name, image in images.items()})
            return self.generator_loss(images, logits, scores, part)

        def discriminator_losses(images: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            discriminators = {Keys.POOR: self.poor_discriminator, Keys.GOOD: self.good_discriminator}
            fakes = {
                Keys.POOR: self.poor_pool(images[Keys.DEGRADED]),
                Keys.GOOD: self.good_pool(images[Keys.RESTORED]),
            }
            real = {domain: judge(images[domain]) for domain, judge in discriminators.items()}
            fake = {domain: judge(fakes[domain]) for domain, judge in discriminators.items()}
            losses = self.discriminator_loss(real, fake)
            penalties = {
                f"{domain}_{name}": (penalty.weight, penalty(bare(judge), images[domain], fakes[domain]))
                for name, penalty in self.discriminator_penalties.items()
                for domain, judge in discriminators.items()
            }
            return _with_penalties(losses, penalties)

        with frozen(self.poor_discriminator, self.good_discriminator):
            losses = self._update_generators(generator_losses, parts)
        engine.fire_event(R2CEvents.GENERATORS_COMPLETED)
        losses |= self._update_discriminators(discriminator_losses, translated)
        engine.fire_event(R2CEvents.DISCRIMINATORS_COMPLETED)
        names = [name for name in translated[0] if name not in losses]
        images = {name: torch.cat([part[name] for part in translated]) for name in names}
        return {**losses, **images, **{key: batch[key] for key in (Keys.POOR_FILE, Keys.GOOD_FILE) if key in batch}}

    def _warm_step(self, engine: Engine, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Update the restorer on synthetic images alone."""
        if Keys.SYNTHETIC not in batch:
            raise InputError(
                f"warm_start_epochs: is {self.warm_start_epochs}, but there are no synthetic images to start with; "
                "give UnpairedDataset a synthetic_degradation."
            )
        restored: list[torch.Tensor] = []

        def losses_of(part: Mapping[str, Any]) -> dict[str, torch.Tensor]:
            context = part.get(Keys.SYNTHETIC_CONTEXT, {})
            image, logits = self.inferer(part[Keys.SYNTHETIC], network=self.restorer, **context)
            restored.append(image.detach())
            images: dict[str, torch.Tensor] = {Keys.SYNTHETIC_RESTORED: image}
            images[Keys.SYNTHETIC_REFERENCE] = part[Keys.SYNTHETIC_REFERENCE]
            return self.generator_loss.synthetic(images, {str(Keys.SYNTHETIC_RESTORED): logits}, part)  # type: ignore[union-attr]

        losses = self._update_generators(losses_of, split_batch(batch, self.accumulation_steps))
        engine.fire_event(R2CEvents.GENERATORS_COMPLETED)
        named = (Keys.POOR, Keys.GOOD, Keys.SYNTHETIC, Keys.SYNTHETIC_REFERENCE, Keys.POOR_FILE, Keys.GOOD_FILE)
        kept = {str(key): batch[key] for key in named if key in batch}
        return {**losses, **kept, Keys.SYNTHETIC_RESTORED.value: torch.cat(restored)}

    def _start_epoch(self) -> None:
        for network in (self.restorer, self.degrader, self.poor_discriminator, self.good_discriminator):
            network.train()
        set_epoch = getattr(getattr(self.data_loader, "dataset", None), "set_epoch", None)
        if set_epoch is not None:
            set_epoch(self.state.epoch)
        done = self.state.iteration % self.state.epoch_length
        if done:
            if not self.resumes_within_epochs:
                raise InputError("train_data_loader: needs an EpochSampler to resume within an epoch.")
            self.data_loader.sampler.start_at(done * self.data_loader.batch_size)  # type: ignore[union-attr]

    def _start_step(self) -> None:
        if self.decay_epoch is not None:
            constant, total = (epochs * self.state.epoch_length for epochs in (self.decay_epoch, self.state.max_epochs))
            factor = linear_decay(self.state.iteration - 1, constant, total)
            for rate in self._learning_rates:
                if rate.scheduler is None:
                    rate.scale(factor)
        if self.seed is not None:
            stream = np.random.SeedSequence(self.seed, spawn_key=(self.state.iteration, process_rank()))
            torch.manual_seed(int(stream.generate_state(1, np.uint64)[0]))

    def _describe(self, error: NonFiniteLossError, batch: Mapping[str, Any]) -> str:
        files = ", ".join(str(file) for key in (Keys.POOR_FILE, Keys.GOOD_FILE) for file in batch.get(key, ()))
        where = f"epoch {self.state.epoch}, iteration {self.state.iteration}"
        return f"{where}: {error}; the batch was {files or 'unnamed'}."


def _with_penalties(
    losses: Mapping[str, torch.Tensor], penalties: Mapping[str, tuple[float, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    total = losses["discriminator_loss"]
    for name, (weight, value) in penalties.items():
        if name in losses:
            raise InputError(f"discriminator_penalties: {name} is the name of another loss term; choose another name.")
        total = total + weight * value
    values = {name: value for name, (_, value) in penalties.items()}
    return {**losses, **values, "discriminator_loss": total}


def _is_no_exception(record: logging.LogRecord) -> bool:
    return "is terminating due to exception" not in record.getMessage()

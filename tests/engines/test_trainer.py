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

import pytest
import torch
from ignite.engine import Events
from monai.engines.utils import IterationEvents
from torch.utils.data import DataLoader

from monai_r2c.data import ImagePool, UnpairedDataset
from monai_r2c.engines import NonFiniteLossError, R2CEvents, R2CTrainer, linear_decay
from monai_r2c.networks import R2CDiscriminator, R2CGenerator
from monai_r2c.utils import InputError

NETWORKS = ("restorer", "degrader", "poor_discriminator", "good_discriminator")
SIZES = {1: (32,), 2: (16, 16), 3: (16, 16, 16)}


def _domain(count: int, spatial_dims: int = 2, channels: int = 1, value: float | None = None) -> list[dict]:
    generator = torch.Generator().manual_seed(count)
    items = []
    for i in range(count):
        image = torch.rand(channels, *SIZES[spatial_dims], generator=generator) * 2 - 1
        items.append(
            {"image": image if value is None else torch.full_like(image, value), "label": i % 2, "file": f"{i}"}
        )
    return items


def _trainer(spatial_dims: int = 2, variant: str = "operational", poor: list | None = None, **kwargs) -> R2CTrainer:
    torch.manual_seed(0)
    width = {"features": 4, "variant": variant}
    generators = [R2CGenerator(spatial_dims, **width) for _ in range(2)]
    discriminators = [R2CDiscriminator(spatial_dims, **width) for _ in range(2)]
    adam = [torch.optim.Adam([p for n in pair for p in n.parameters()], 1e-3) for pair in (generators, discriminators)]
    dataset = UnpairedDataset(poor or _domain(4, spatial_dims), _domain(3, spatial_dims))
    settings = {
        "device": "cpu",
        "max_epochs": 1,
        "train_data_loader": DataLoader(dataset, batch_size=2, drop_last=True),
    }
    return R2CTrainer(
        **(settings | kwargs),
        restorer=generators[0],
        degrader=generators[1],
        poor_discriminator=discriminators[0],
        good_discriminator=discriminators[1],
        generator_optimizer=adam[0],
        discriminator_optimizer=adam[1],
    )


def _weights(trainer: R2CTrainer, name: str) -> list[torch.Tensor]:
    return [p.detach().clone() for p in getattr(trainer, name).parameters()]


@pytest.mark.parametrize(
    ("spatial_dims", "variant"),
    [(2, "operational"), (2, "convolutional"), (2, "convolutional_light"), (1, "operational"), (3, "operational")],
)
def test_one_step_moves_every_weight_of_all_four_networks(spatial_dims: int, variant: str) -> None:
    trainer = _trainer(spatial_dims, variant, epoch_length=1)
    before = {name: _weights(trainer, name) for name in NETWORKS}
    trainer.run()
    for name in NETWORKS:
        moved = [not torch.equal(a, b) for a, b in zip(before[name], _weights(trainer, name))]
        assert all(moved), name
    losses = {k: v for k, v in trainer.state.output.items() if k.endswith("_loss")}
    assert set(losses) == {"generator_loss", "discriminator_loss"}
    assert all(torch.isfinite(loss) for loss in losses.values())


def test_output_names_every_term_rate_image_and_file() -> None:
    trainer = _trainer(epoch_length=1)
    trainer.run()
    output = trainer.state.output
    assert {"cycle_poor", "class_identity_good", "good_fake", "adversarial_restored"} <= set(output)
    assert output["generator_learning_rate"] == output["discriminator_learning_rate"] == 1e-3
    assert output["identity_poor"].ndim == output["identity_good"].ndim == 0
    assert output["restored"].shape == output["cycled_good"].shape == (2, 1, 16, 16)
    assert not output["restored"].requires_grad
    assert len(output["poor_file"]) == 2


def test_generator_update_leaves_the_discriminators_without_gradient() -> None:
    trainer = _trainer(epoch_length=1)
    seen = []

    @trainer.on(R2CEvents.GENERATORS_COMPLETED)
    def _look() -> None:
        seen.append([p.grad for p in trainer.good_discriminator.parameters()])

    trainer.run()
    assert all(gradient is None for gradient in seen[0])
    assert all(p.requires_grad and p.grad is not None for p in trainer.good_discriminator.parameters())


def test_weights_that_are_frozen_stay_as_they_are_and_frozen() -> None:
    trainer = _trainer(epoch_length=2)
    frozen = [p for name in ("restorer", "good_discriminator") for p in getattr(trainer, name).parameters()][::2]
    for parameter in frozen:
        parameter.requires_grad_(False)
    before = [p.detach().clone() for p in frozen]
    trainer.run()
    assert all(not p.requires_grad and torch.equal(p, b) for p, b in zip(frozen, before))
    others = [p for name in NETWORKS for p in getattr(trainer, name).parameters() if not any(p is f for f in frozen)]
    assert all(p.requires_grad for p in others)


def test_events_fire_once_a_step_in_order() -> None:
    trainer = _trainer()
    fired = []

    def _append(engine, event) -> None:
        fired.append(event)

    for event in (R2CEvents.GENERATORS_COMPLETED, R2CEvents.DISCRIMINATORS_COMPLETED, IterationEvents.MODEL_COMPLETED):
        trainer.add_event_handler(event, _append, event)
    trainer.run()
    assert fired == 2 * [
        R2CEvents.GENERATORS_COMPLETED,
        R2CEvents.DISCRIMINATORS_COMPLETED,
        IterationEvents.MODEL_COMPLETED,
    ]


def test_learning_rates_fall_step_by_step_to_zero() -> None:
    trainer = _trainer(max_epochs=3, decay_epoch=1)
    rates = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda: rates.append(trainer.state.output["generator_learning_rate"])
    )
    trainer.run()
    # two steps an epoch: one epoch constant, then four steps that would reach zero with the step after the last
    assert rates == pytest.approx([1e-3, 1e-3, 1e-3, 0.75e-3, 0.5e-3, 0.25e-3])


@pytest.mark.parametrize(("step", "factor"), [(0, 1), (100, 1), (150, 0.5), (199, 0.01), (200, 0), (250, 0)])
def test_linear_decay_is_never_negative(step: int, factor: float) -> None:
    assert linear_decay(step, 100, 200) == pytest.approx(factor)


def test_linear_decay_that_starts_after_the_run_keeps_the_rate() -> None:
    assert linear_decay(10, 100, 10) == 1


def test_discriminators_see_fakes_through_the_pools() -> None:
    class Recorder(ImagePool):
        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            self.seen = images
            return torch.zeros_like(images)

    pools = {"poor_pool": Recorder(), "good_pool": Recorder()}
    trainer = _trainer(epoch_length=1, **pools)
    trainer.run()
    assert torch.equal(pools["good_pool"].seen, trainer.state.output["restored"])
    assert torch.equal(pools["poor_pool"].seen, trainer.state.output["degraded"])


def test_nan_stops_the_run_with_term_and_files_before_a_weight_moves() -> None:
    trainer = _trainer(poor=_domain(3, value=float("nan")), max_epochs=1)
    before = _weights(trainer, "restorer")
    with pytest.raises(NonFiniteLossError, match=r"epoch 1, iteration 1: .*cycle_poor = nan.*; the batch was \d, \d"):
        trainer.run()
    assert all(torch.equal(a, b) for a, b in zip(before, _weights(trainer, "restorer")))


def test_gradient_that_is_nan_under_a_finite_loss_stops_the_run_before_a_weight_moves() -> None:
    trainer = _trainer(max_epochs=1)
    spoiled = next(trainer.degrader.parameters())
    spoiled.register_hook(lambda gradient: gradient * float("nan"))
    before = _weights(trainer, "degrader")
    with pytest.raises(NonFiniteLossError, match=r"epoch 1, iteration 1: generator_gradient = nan; the batch was"):
        trainer.run()
    assert all(torch.equal(a, b) for a, b in zip(before, _weights(trainer, "degrader")))


def test_each_epoch_has_its_own_pairs_and_trains_networks_that_validation_left_in_evaluation_mode() -> None:
    trainer = _trainer(max_epochs=2)
    epochs, modes = [], []

    @trainer.on(Events.ITERATION_STARTED)
    def _look() -> None:
        epochs.append((trainer.state.epoch, trainer.data_loader.dataset.epoch))
        modes.extend(getattr(trainer, name).training for name in NETWORKS)

    @trainer.on(Events.EPOCH_COMPLETED)
    def _evaluate() -> None:
        for name in NETWORKS:
            getattr(trainer, name).eval()

    trainer.run()
    assert epochs == [(1, 1), (1, 1), (2, 2), (2, 2)]
    assert all(modes)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_networks_compute_in_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    trainer = _trainer(epoch_length=1, precision=precision)
    seen = set()
    for network in (trainer.restorer, trainer.good_discriminator):
        network.register_forward_hook(lambda module, inputs, output: seen.add(_first(output).dtype))
    trainer.run()
    assert seen == {dtype}


def _first(output: object) -> torch.Tensor:
    return output[0] if isinstance(output, tuple) else output


def test_batch_larger_than_the_domains_is_refused_at_construction() -> None:
    loader = DataLoader(UnpairedDataset(_domain(2), _domain(2)), batch_size=3, drop_last=True)
    with pytest.raises(InputError, match="batch_size: larger than the longer domain"):
        _trainer(train_data_loader=loader)


@pytest.mark.parametrize(
    ("precision", "message"), [("fp8", "must be one of fp32, bf16, fp16"), ("fp16", "needs a CUDA")]
)
def test_precision_that_the_device_has_not_is_refused(precision: str, message: str) -> None:
    with pytest.raises(InputError, match=f"precision: .*{message}"):
        _trainer(precision=precision)


def test_bf16_keeps_losses_in_float32_and_near_those_of_float32() -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        trainer = _trainer(epoch_length=1, precision=precision)
        trainer.run()
        losses[precision] = trainer.state.output["generator_loss"]
    assert losses["bf16"].dtype == torch.float32
    assert losses["bf16"].item() == pytest.approx(losses["fp32"].item(), rel=0.02)

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

"""Training as the bundle's published.yaml sets it up, against the published steps written out in plain torch."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from ignite.engine import Events
from monai.bundle import ConfigParser
from torch import Tensor, nn

from monai_r2c.engines import R2CTrainer

CONFIGS = Path(__file__).parents[2] / "bundles/chest_xray_restore_classify/configs"
NETWORKS = ("restorer", "degrader", "poor_discriminator", "good_discriminator")
STEPS, POOL_SIZE, SEED = 4, 3, 5
Record = dict[str, float]


def published_parts() -> dict:
    parser = ConfigParser()
    parser.read_config([str(CONFIGS / "train.yaml"), str(CONFIGS / "published.yaml")])
    changes = {"features": 4, "class_names": ["healthy", "ill"], "pool_size": POOL_SIZE, "seed": SEED, "device": "cpu"}
    parser.update(changes)
    names = ["generator_loss", "discriminator_loss", "generator_optimizer", "discriminator_optimizer"]
    return {name: parser.get_parsed_content(name) for name in (*NETWORKS, *names, "poor_pool", "good_pool")}


def batches() -> list[dict[str, Tensor]]:
    draw = torch.Generator().manual_seed(1)
    image = lambda: torch.rand(2, 3, 16, 16, generator=draw, dtype=torch.float64) * 2 - 1  # noqa: E731
    labels = [torch.tensor(pair) for pair in ((0, 1), (1, 1), (1, 0), (0, 0))]
    return [
        {"poor": image(), "good": image(), "poor_label": labels[i], "good_label": labels[3 - i]} for i in range(STEPS)
    ]


class Pool:
    """History of generated images: kept until full, then swapped with a random one in half of the cases."""

    def __init__(self, seed: int) -> None:
        self.images: list[Tensor] = []
        self.draw = torch.Generator().manual_seed(seed)

    def __call__(self, images: Tensor) -> Tensor:
        shown = []
        for image in images.detach():
            if len(self.images) < POOL_SIZE:
                self.images.append(image)
            elif torch.rand((), generator=self.draw) < 0.5:
                place = int(torch.randint(POOL_SIZE, (), generator=self.draw))
                image, self.images[place] = self.images[place], image
            shown.append(image)
        return torch.stack(shown)


class Adam:
    """Of the published settings: beta1 0.5, beta2 0.999, epsilon 1e-7."""

    def __init__(self, *networks: nn.Module) -> None:
        self.weights = [p for network in networks for p in network.parameters()]
        self.means = [torch.zeros_like(p) for p in self.weights]
        self.squares = [torch.zeros_like(p) for p in self.weights]
        self.step = 0

    def update(self, loss: Tensor, rate: float) -> None:
        self.step += 1
        gradients = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            for weight, gradient, mean, square in zip(self.weights, gradients, self.means, self.squares, strict=True):
                mean.copy_(0.5 * mean + 0.5 * gradient)
                square.copy_(0.999 * square + 0.001 * gradient**2)
                unbiased = mean / (1 - 0.5**self.step), square / (1 - 0.999**self.step)
                weight -= rate * unbiased[0] / (unbiased[1].sqrt() + 1e-7)


def mean_square(values: Tensor) -> Tensor:
    return (values**2).mean()


def train_by_hand(networks: dict[str, nn.Module]) -> list[Record]:
    """The published steps; REFERENCE: generators first, discriminators on the images from before that update."""
    g_a2b, g_b2a, d_a, d_b = (networks[name] for name in NETWORKS)
    generators, discriminators = Adam(g_a2b, g_b2a), Adam(d_a, d_b)
    pool_b2a, pool_a2b = Pool(2 * SEED), Pool(2 * SEED + 1)
    records = []
    for step, batch in enumerate(batches()):
        a, b, label_a, label_b = batch["poor"], batch["good"], batch["poor_label"], batch["good_label"]
        rate = 2e-4 * (STEPS - step) / STEPS
        (a2b, y_a2b), (b2a, y_b2a) = g_a2b(a), g_b2a(b)
        (a2b2a, y_a2b2a), (b2a2b, y_b2a2b) = g_b2a(a2b), g_a2b(b2a)
        (a2a, y_a2a), (b2b, y_b2b) = g_b2a(a), g_a2b(b)
        terms = {
            "adversarial_restored": mean_square(d_b(a2b) - 1),
            "adversarial_degraded": mean_square(d_a(b2a) - 1),
            "cycle_poor": (a - a2b2a).abs().mean(),
            "cycle_good": (b - b2a2b).abs().mean(),
            "identity_poor": (a - a2a).abs().mean(),
            "identity_good": (b - b2b).abs().mean(),
            "class_restored": F.cross_entropy(y_a2b, label_a),
            "class_degraded": F.cross_entropy(y_b2a, label_b),
            "class_cycled_poor": F.cross_entropy(y_a2b2a, label_a),
            "class_cycled_good": F.cross_entropy(y_b2a2b, label_b),
            "class_identity_poor": F.cross_entropy(y_a2a, label_a),
            "class_identity_good": F.cross_entropy(y_b2b, label_b),
        }
        weights = {"adversarial": 1.0, "cycle": 10.0, "identity": 5.0, "class": 0.1}
        total = sum(weights[name.split("_")[0]] * term for name, term in terms.items())
        generators.update(total, rate)
        shown_b2a, shown_a2b = pool_b2a(b2a), pool_a2b(a2b)
        judged = {
            "poor_real": mean_square(d_a(a) - 1),
            "poor_fake": mean_square(d_a(shown_b2a)),
            "good_real": mean_square(d_b(b) - 1),
            "good_fake": mean_square(d_b(shown_a2b)),
        }
        discriminators.update(sum(judged.values()), rate)
        values = {**terms, **judged, "generator_loss": total, "discriminator_loss": sum(judged.values())}
        records.append({"rate": rate, **{name: float(value) for name, value in values.items()}})
    return records


@pytest.mark.parametrize("accumulation_steps", [1, 2])
def test_steps_are_the_published_ones_written_out_by_hand(accumulation_steps: int) -> None:
    parts = published_parts()
    for name in NETWORKS:
        parts[name].double()
        with torch.no_grad():  # larger, so that four steps do not leave every term where it began
            for parameter in parts[name].parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    by_hand = {name: copy.deepcopy(parts[name]) for name in NETWORKS}
    start = {name: [p.detach().clone() for p in parts[name].parameters()] for name in NETWORKS}
    trainer = R2CTrainer(
        device="cpu",
        max_epochs=1,
        train_data_loader=batches(),
        decay_epoch=0,
        accumulation_steps=accumulation_steps,
        **parts,
    )
    records: list[Record] = []

    def keep(engine: R2CTrainer) -> None:
        scalars = {name: float(v) for name, v in engine.state.output.items() if getattr(v, "ndim", 0) == 0}
        assert scalars.pop("generator_learning_rate") == scalars["discriminator_learning_rate"]
        records.append({"rate": scalars.pop("discriminator_learning_rate"), **scalars})

    trainer.add_event_handler(Events.ITERATION_COMPLETED, keep)
    trainer.run()
    wanted = train_by_hand(by_hand)
    for record, other in zip(records, wanted, strict=True):
        assert record == pytest.approx(other, rel=1e-5)
    for name in NETWORKS:
        moved = [[p.detach() - p0 for p, p0 in zip(n[name].parameters(), start[name])] for n in (parts, by_hand)]
        for found, other in zip(*moved, strict=True):
            torch.testing.assert_close(found, other, rtol=1e-3, atol=2e-7)

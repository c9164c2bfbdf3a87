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

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from long_run import (
    STEPS,
    checkpoint,
    differences,
    images,
    in_processes,
    make_run,
    names,
    run,
)
from monai.data import DataLoader
from monai.transforms import RandGaussianNoised
from PIL import Image
from torch.nn.parallel import DistributedDataParallel

from monai_r2c.data import EpochSampler, EvaluationSampler
from monai_r2c.data.restorations import RestorationDataset
from monai_r2c.engines import R2CEvaluator, R2CEvents, R2CTrainer
from monai_r2c.handlers import ImageTable, QualityScores, RestorationSaver
from monai_r2c.losses import R1Penalty, RestoreToClassifyLoss
from monai_r2c.metrics import Score
from monai_r2c.networks import R2CGenerator, R2CRestorer, WrappedGenerator, WrappedRestorer, as_generator, as_restorer
from monai_r2c.transforms import LoadRadiographd
from monai_r2c.utils import NonFiniteLossError, RunError

NETWORKS = ("restorer", "degrader", "poor_discriminator", "good_discriminator")
# two processes with one pair each do what one process does with two
TWO = {"batch_size": 1, "wrap": DistributedDataParallel, "dropout": 0.0, "max_epochs": 1}


def gradients_of_first_step(trainer: R2CTrainer) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}

    def keep(which: tuple[str, ...]) -> None:
        for name in which:
            for i, parameter in enumerate(getattr(trainer, name).parameters()):
                found.setdefault(f"{name}/{i}", parameter.grad.clone())

    trainer.add_event_handler(R2CEvents.GENERATORS_COMPLETED, keep, NETWORKS[:2])
    trainer.add_event_handler(R2CEvents.DISCRIMINATORS_COMPLETED, keep, NETWORKS[2:])
    trainer.run()
    return found


def weights(trainer: R2CTrainer) -> dict[str, Any]:
    return {name: dict(trainer.checkpoint_objects()[name].state_dict()) for name in NETWORKS}


def test_two_processes_average_the_gradients_of_one_with_twice_the_batch(tmp_path: Path) -> None:
    # the penalty differentiates a gradient, and synthetic pairs are a further pass, within DistributedDataParallel
    loss = RestoreToClassifyLoss(label_weights=[1, 3], synthetic_weight=20.0)
    options = {"discriminator_penalties": {"r1": R1Penalty()}, "max_gradient_norm": 1.0, "generator_loss": loss}
    settings = {
        "dropout": 0.0,
        "max_epochs": 1,
        "trainer": options,
        "degradation": RandGaussianNoised("image", prob=1.0),
    }
    alone = gradients_of_first_step(make_run(tmp_path / "alone", **settings))

    def train(rank: int) -> None:
        trainer = make_run(tmp_path / "two", **TWO | settings)
        torch.save((gradients_of_first_step(trainer), weights(trainer)), tmp_path / f"{rank}.pt")

    assert in_processes(2, tmp_path, train) == [0, 0]
    both = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for found, _ in both:
        assert found.keys() == alone.keys()
        for name, gradient in alone.items():
            assert gradient.abs().max() > 0, name
            torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=0, msg=name)
    assert differences(both[0][1], both[1][1]) == []
    assert (
        differences(both[0][1], {name: checkpoint(tmp_path / "two", "epoch_0001.pt")[name] for name in NETWORKS}) == []
    )


def test_epoch_of_two_processes_is_logged_and_written_once_with_the_losses_of_both(tmp_path: Path) -> None:
    run(tmp_path / "alone", dropout=0.0, max_epochs=1)

    def train(rank: int) -> None:
        run(tmp_path / "two", **TWO)
        (tmp_path / f"open{rank}").write_text(str(len(list((tmp_path / "two" / "tensorboard").iterdir()))))

    assert in_processes(2, tmp_path, train) == [0, 0]
    assert names(tmp_path / "two") == ["epoch_0001.pt"]
    assert len(list((tmp_path / "two" / "tensorboard").iterdir())) == 1
    rows = [(tmp_path / which / "metrics.csv").read_text().splitlines() for which in ("alone", "two")]
    assert len(rows[1]) == 2
    alone, two = ({k: float(v) for k, v in zip(r[0].split(","), r[1].split(","))} for r in rows)
    # the discriminators see other fakes, because each process has pools of its own
    compared = [name for name in alone if name.startswith(("cycle", "identity", "class", "poor_real", "good_real"))]
    assert len(compared) == 12
    assert {name: two[name] for name in compared} == pytest.approx({name: alone[name] for name in compared}, rel=1e-2)
    assert len(checkpoint(tmp_path / "two", "epoch_0001.pt")["processes"]) == 2


def test_two_processes_resume_bit_for_bit_with_pools_of_their_own(tmp_path: Path) -> None:
    settings = TWO | {"max_epochs": 2, "dropout": 0.1}

    def straight(rank: int) -> None:
        run(tmp_path / "straight", **settings)

    def killed(rank: int) -> None:
        trainer = make_run(tmp_path / "killed", **settings)
        trainer.add_event_handler(
            Events.ITERATION_STARTED(once=STEPS + 2), lambda: os.kill(os.getpid(), signal.SIGKILL)
        )
        trainer.run()

    def resumed(rank: int) -> None:
        run(tmp_path / "killed", **settings, resume=True)

    assert in_processes(2, tmp_path, straight) == [0, 0]
    assert in_processes(2, tmp_path, killed) == [-signal.SIGKILL] * 2
    assert in_processes(2, tmp_path, resumed) == [0, 0]
    last = [checkpoint(tmp_path / name, "epoch_0002.pt") for name in ("straight", "killed")]
    assert differences(*last) == []
    pools = [own["good_pool"]["images"] for own in last[0]["processes"]]
    assert not torch.equal(*pools)


def test_sigterm_to_one_process_ends_both_at_the_same_step(tmp_path: Path) -> None:
    def train(rank: int) -> None:
        trainer = make_run(tmp_path / "two", **TWO)
        if rank == 1:
            trainer.add_event_handler(Events.ITERATION_STARTED(once=2), lambda: os.kill(os.getpid(), signal.SIGTERM))
        trainer.run()

    assert in_processes(2, tmp_path, train) == [143, 143]
    assert names(tmp_path / "two") == ["epoch_0001_iteration_2.pt"]


def test_process_that_dies_ends_the_other_with_a_message(tmp_path: Path) -> None:
    def train(rank: int) -> None:
        trainer = make_run(tmp_path / "two", **TWO)
        if rank == 1:
            trainer.add_event_handler(Events.ITERATION_STARTED(once=2), lambda: os.kill(os.getpid(), signal.SIGKILL))
        try:
            trainer.run()
        except RunError as error:
            (tmp_path / f"error{rank}").write_text(str(error))

    in_processes(2, tmp_path, train)
    assert "iteration 2: another process of the run ended" in (tmp_path / "error0").read_text()


@pytest.mark.parametrize("on_nan", ["skip", "stop"])
def test_nan_in_one_process_counts_for_both(tmp_path: Path, on_nan: str) -> None:
    def train(rank: int) -> None:
        poor = images(6)
        poor[2]["image"] = poor[2]["image"] * float("nan")
        trainer = make_run(tmp_path / "two", **TWO, poor=poor, trainer={"on_nan": on_nan})
        try:
            trainer.run()
        except NonFiniteLossError as error:
            (tmp_path / f"error{rank}").write_text(str(error))
        torch.save((trainer.skipped_steps, weights(trainer)), tmp_path / f"{rank}.pt")

    assert in_processes(2, tmp_path, train) == [0, 0]
    both = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert differences(both[0], both[1]) == []
    assert both[0][0] == (1 if on_nan == "skip" else 0)
    assert all(torch.isfinite(value).all() for network in both[0][1].values() for value in network.values())
    if on_nan == "stop":
        lines = [(tmp_path / f"error{rank}").read_text() for rank in range(2)]
        assert sum("cycle_poor = nan" in line and "2.png" in line for line in lines) == 1
        assert sum("in another process" in line for line in lines) == 1
        assert len(names(tmp_path / "two")) == 1


def test_checkpoint_of_two_processes_continues_in_one(tmp_path: Path) -> None:
    def train(rank: int) -> None:
        run(tmp_path / "two", **TWO)

    assert in_processes(2, tmp_path, train) == [0, 0]
    trainer = run(tmp_path / "two", resume=True, max_epochs=2, dropout=0.0)
    assert (trainer.state.epoch, trainer.state.iteration) == (2, 2 * STEPS)


UNET = {"network": "UNet", "arguments": {"channels": (2, 4), "strides": (2,)}}


@pytest.mark.parametrize(
    "build",
    [
        lambda: R2CRestorer(2, features=2),
        lambda: as_restorer(R2CGenerator(2, features=2)),
        lambda: WrappedRestorer(**UNET),
        lambda: as_restorer(WrappedGenerator(**UNET)),
    ],
    ids=["restorer", "restorer of a generator", "wrapped", "wrapped of a generator"],
)
def test_restorer_alone_trains_in_two_processes_and_its_generator_still_learns_to_classify(
    tmp_path: Path, build: Any
) -> None:
    def train(rank: int) -> None:
        torch.manual_seed(rank)
        restorer, image = build(), torch.rand(1, 1, 8, 8)
        network = DistributedDataParallel(restorer)
        for _ in range(3):
            network(image).square().sum().backward()
        means = [None if p.grad is None else p.grad.clone() for p in restorer.parameters()]
        generator = DistributedDataParallel(as_generator(restorer))
        for _ in range(2):
            translated, logits = generator(image)
            (translated.sum() + logits.sum()).backward()
        torch.save((means, [p.grad for p in restorer.head.parameters()]), tmp_path / f"{rank}.pt")

    assert in_processes(2, tmp_path, train) == [0, 0]
    both = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert differences(*both) == []
    gradients, head = both[0]
    assert [gradient is None for gradient in gradients] == [False] * (len(gradients) - 2) + [True] * 2
    assert all(gradient.abs().sum() > 0 for gradient in head)


@pytest.mark.parametrize(("count", "processes"), [(1, 2), (5, 2), (3, 4)])
def test_scores_intervals_and_rows_of_processes_equal_those_of_one(tmp_path: Path, count: int, processes: int) -> None:
    def evaluate(rank: int | None = None) -> list[Any]:
        torch.manual_seed(0)
        items = [item | {"file": f"{index}.png"} for index, item in enumerate(images(count))]
        loader = DataLoader(items, batch_size=1, sampler=EvaluationSampler(items))
        scores, table = {"quality": QualityScores(resamples=20)}, ImageTable(["x", "y"])
        network = R2CGenerator(2, features=4)
        evaluator = R2CEvaluator("cpu", loader, network, additional_metrics=scores, val_handlers=[table])
        evaluator.run()
        found: list[Any] = [
            (name, float(score), score.low, score.high)
            for name, score in evaluator.state.metrics.items()
            if isinstance(score, Score)
        ]
        found += [(row["file"], row["probability"], row["noise"]) for row in table.rows()]
        if rank is not None:
            torch.save(found, tmp_path / f"{rank}.pt")
        return found

    alone = evaluate()
    assert len([row for row in alone if str(row[0]).endswith(".png")]) == count
    assert in_processes(processes, tmp_path, evaluate) == [0] * processes
    for rank in range(processes):
        found = torch.load(tmp_path / f"{rank}.pt")
        assert [row[0] for row in found] == [row[0] for row in alone]
        for row, expected in zip(found, alone):
            assert row[1:] == pytest.approx(expected[1:], rel=1e-5, nan_ok=True), row[0]


def test_fewer_images_than_processes_are_restored_once_each(tmp_path: Path) -> None:
    items = [{"image": str(tmp_path / f"{number}.png"), "file": f"{number}.png"} for number in range(2)]
    for item in items:
        Image.linear_gradient("L").resize((16, 16)).save(item["image"])
    table = tmp_path / "out/predictions.csv"

    def restore(rank: int) -> None:
        torch.manual_seed(0)
        saver = RestorationSaver(items, ["x", "y"], table.parent, table)
        left = RestorationDataset(saver.remaining(), LoadRadiographd("image"))
        network = R2CGenerator(2, features=4)
        if len(left):
            R2CEvaluator("cpu", DataLoader(left, batch_size=1), network, keep_going=True, val_handlers=[saver]).run()
        saver.close()
        assert (saver.restored, saver.failed) == (2, {})

    assert in_processes(3, tmp_path, restore) == [0, 0, 0]
    assert [line.split(",")[0] for line in table.read_text().splitlines()] == ["file", "0.png", "1.png"]
    assert all((table.parent / item["file"]).exists() for item in items)


def test_shares_of_an_epoch_are_disjoint_equally_long_and_resume_in_the_middle() -> None:
    shares = [list(EpochSampler(range(11), processes=3, rank=rank)) for rank in range(3)]
    assert shares == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    sampler = EpochSampler(range(11), processes=3, rank=1)
    sampler.start_at(2)
    assert [list(sampler), list(sampler)] == [[7], [1, 4, 7]]
    assert len(sampler) == 3


def test_evaluation_shares_hold_each_item_once_or_where_too_few_everywhere() -> None:
    shares = [list(EvaluationSampler(range(5), processes=2, rank=rank)) for rank in range(2)]
    assert shares == [[0, 1], [2, 3, 4]]
    few = [EvaluationSampler(range(1), processes=2, rank=rank) for rank in range(2)]
    assert [(list(sampler), sampler.gives_all) for sampler in few] == [([0], True)] * 2


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_parts_give_the_update_of_the_whole_batch(tmp_path: Path, parts: int) -> None:
    settings = {"batch_size": 4, "dropout": 0.0, "max_epochs": 1, "poor": images(4)}
    whole = gradients_of_first_step(make_run(tmp_path / "whole", **settings))
    trainer = make_run(tmp_path / "parts", **settings, trainer={"accumulation_steps": parts})
    for name, gradient in gradients_of_first_step(trainer).items():
        torch.testing.assert_close(gradient, whole[name], atol=1e-5, rtol=1e-4, msg=name)
    assert trainer.state.iteration == 1
    assert trainer.state.output["restored"].shape == (4, 1, 32, 32)


def test_accumulation_in_two_processes_averages_over_all_parts(tmp_path: Path) -> None:
    settings = {"dropout": 0.0, "max_epochs": 1, "poor": images(8), "pool_size": 0}
    alone = gradients_of_first_step(make_run(tmp_path / "alone", **settings, batch_size=4))

    def train(rank: int) -> None:
        settings_of_two = settings | {"batch_size": 2, "wrap": DistributedDataParallel}
        trainer = make_run(tmp_path / "two", **settings_of_two, trainer={"accumulation_steps": 2})
        torch.save(gradients_of_first_step(trainer), tmp_path / f"{rank}.pt")

    assert in_processes(2, tmp_path, train) == [0, 0]
    for rank in range(2):
        for name, gradient in torch.load(tmp_path / f"{rank}.pt").items():
            torch.testing.assert_close(gradient, alone[name], atol=1e-5, rtol=1e-4, msg=name)

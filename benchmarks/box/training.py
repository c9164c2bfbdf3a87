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

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.restoration.results import host
from monai_r2c.networks import read_settings
from monai_r2c.utils import InputError

from .datalist import CLASSES

NOTES = {"name": "chest radiograph restorer 7"}
FIRST_STEPS = 50
_SETTINGS = ("image_size", "max_epochs", "decay_epoch", "val_interval", "seed")
# kept of a run at native size where they are not those of its configs
_USUAL = {
    "batch_size": 1,
    "learning_rate": 0.0003,
    "precision": "bf16",
    "device": "cpu",
    "structure_weight": 3.0,
    "detail_weight": 15.0,
    "whole_prob": 0.5,
}
_CURVE = {
    "epoch": "epoch",
    "generator_loss": "loss",
    "synthetic_absolute": "difference",
    "validation/psnr_restored": "psnr",
    "validation/auc": "auc",
}
_BUNDLE = "bundles/chest_xray_restore_classify/configs"
CONFIGS = {
    "working size": (f"{_BUNDLE}/train.yaml", "benchmarks/box/train.yaml"),
    "native size": (f"{_BUNDLE}/train.yaml", f"{_BUNDLE}/native.yaml", "benchmarks/box/native.yaml"),
}
CONFIGS["native size, exposure seen"] = (*CONFIGS["native size"], "benchmarks/box/tone.yaml")
CONFIGS["native size, sharp edges"] = CONFIGS["native size, exposure seen"]  # native.yaml had fewer letters before


def read_training(
    runs: Sequence[Path],
    commits: Sequence[str],
    before: Sequence[Mapping[str, Any]] = (),
    kind: str | None = None,
    processes: Sequence[int] = (1,),
    mean: bool = False,
    mean_with_start: bool = False,
) -> dict[str, Any]:
    """What is kept of a training of several runs, each started from the model of the last.

    A stage is a run, or the mean of the weights of some stages before it (``mean_of``, their numbers).

    Args:
        runs: output folders, in order.
        commits: that the runs were made with: one each, or one for all.
        before: stages that were kept of the training of the model that the first run started from.
        kind: of the runs, one of `CONFIGS`; None: what their models tell.
        processes: that torchrun started: one number each, or one for all.
        mean: all runs started from the same model, and the mean of their weights is what came of it.
        mean_with_start: so, but that model's weights are among them.
    """
    datalist = json.loads((runs[-1] / "datalist.json").read_text(encoding="utf-8"))
    images = {domain: len(items) for domain, items in datalist["training"].items()}
    patients = {item["patient"] for items in datalist["training"].values() for item in items}
    made = zip(runs, _for_each(commits, runs), _for_each(processes, runs))
    stages = [*before, *(_stage(run, commit, kind, count) for run, commit, count in made)]
    if mean or mean_with_start:
        start, end = len(before), len(stages)
        for stage in stages[start:]:
            stage["from"] = start
        stages.append({"mean_of": list(range(start if mean_with_start else start + 1, end + 1))})
    return {
        "images": images,
        "patients": len(patients),
        "validation": len(datalist["validation"]["poor"]),
        "commands": commands(stages),
        "stages": stages,
        "host": host()["processor"],
    }


def notes_of(training: Mapping[str, Any]) -> dict[str, str]:
    """What the model file says to people."""
    good, poor = training["images"]["good"], training["images"]["poor"]
    text = f"{good} good NIH ChestX-ray14 images of 256 or 1024 pixels with made faults ({poor} poor for its flags)"
    return {**NOTES, "trained_on": f"{text}; its classes are NIH's text-mined {' and '.join(CLASSES)}"}


def commands(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The commands of the training, one a stage, after that of the datalist."""
    found = []
    for number, stage in enumerate(stages, 1):
        if "mean_of" in stage:
            models = ", ".join(f"'runs/box/stage{part}/model.pt'" for part in stage["mean_of"])
            call = f"average_models([{models}], 'runs/box/stage{number}/model.pt')"
            found.append(f'python -c "from monai_r2c.networks import average_models; {call}"')
            continue
        native = " --native DATA/native" if stage["kind"].startswith("native size") else ""
        data = f"python -m benchmarks.box.datalist --data DATA/cxr{native} --out runs/box/data"
        if data not in found:
            found.append(data)
        settings = " ".join(f"--{name} {value}" for name, value in stage["settings"].items())
        start = f" --start_from runs/box/stage{stage.get('from', number - 1)}/model.pt" if number > 1 else ""
        processes = stage.get("processes", 1)
        joined = (f"{_BUNDLE}/multi_gpu_train.yaml",) * (processes > 1)
        configs = ",".join(f"'{config}'" for config in (*CONFIGS[stage["kind"]], *joined))
        start_with = f"torchrun --standalone --nproc_per_node={processes}" if joined else "python"
        found.append(
            f'{start_with} -m monai.bundle run training --config_file "[{configs}]" '
            f"--datalist runs/box/data/datalist.json --output_dir runs/box/stage{number} {settings}{start}"
        )
    return found


def train_first_steps(settings: Mapping[str, Any], data: Path, output: Path) -> list[float]:
    """Train the first stage for 50 steps, with one thread, as the training had; return the loss of each.

    Args:
        settings: of the stage.
        data: folder that holds ``cxr/``.
        output: folder of the run.
    """
    from ignite.engine import Engine, Events
    from monai.bundle import ConfigWorkflow

    from .datalist import write_datalist

    torch.set_num_threads(1)
    listed = write_datalist(data / "cxr", output / "data")
    root = Path(__file__).parents[2]
    given = {**settings, "datalist": str(listed), "output_dir": str(output), "train::handlers": []}
    configs = [str(root / config) for config in CONFIGS["working size"]]
    workflow = ConfigWorkflow(configs, workflow_type="train", run_id="training", device="cpu", **given)
    workflow.initialize()
    trainer = workflow.parser.get_parsed_content("train::trainer")
    losses: list[float] = []

    def note(engine: Engine) -> None:
        losses.append(float(engine.state.output["generator_loss"]))  # type: ignore[index, call-overload]
        if len(losses) == FIRST_STEPS:
            engine.terminate()

    trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
    trainer.run()
    return losses


def _for_each(given: Sequence[Any], runs: Sequence[Path]) -> Sequence[Any]:
    if len(given) not in (1, len(runs)):
        raise InputError(f"{len(given)} commits or processes are given for {len(runs)} runs; give one each, or one.")
    return list(given) * len(runs) if len(given) == 1 else given


def _stage(run: Path, commit: str, kind: str | None, processes: int) -> dict[str, Any]:
    settings = json.loads((run / "configuration.json").read_text(encoding="utf-8"))["settings"]
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    trained = read_settings(run / "model.pt")
    scored = [row for row in rows if row.get("validation/psnr_restored")]  # a run without validation keeps its end
    best = max(scored, key=lambda row: float(row["validation/psnr_restored"])) if scored else rows[-1]
    usual = _USUAL if trained.keeps_native_detail else {}
    others = {name: str(settings[name]) for name, value in usual.items() if settings.get(name, value) != value}
    curve = [{short: float(row[name]) for name, short in _CURVE.items() if row.get(name)} for row in rows]
    seen = "native size" if trained.keeps_native_detail else "working size"
    if trained.generator.get("whole", {}).get("gray_levels"):
        seen += ", exposure seen"
    return {
        "kind": kind or seen,
        "commit": commit,
        "settings": {name: settings[name] for name in _SETTINGS} | others,
        **({"processes": processes} if processes > 1 else {}),
        "epochs": int(rows[-1]["epoch"]),
        "steps": int(rows[-1]["iteration"]),
        "kept_from_epoch": int(best["epoch"]),
        "curve": curve,
    }

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

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser

import monai_r2c
from monai_r2c.networks import to_device
from monai_r2c.utils import check_settings

CONFIGS = Path(__file__).parents[3] / "bundles/chest_xray_restore_classify/configs"
# the parts of the bundle's config that are read here, by the name they have there
TRAINER, HANDLERS = "train::trainer", "train::handlers"


class BundleTraining:
    """Trains what the bundle's configs describe, with its own trainer, without the bundle's handlers but the average.

    Args:
        configs: names of config files of the bundle, later ones override earlier ones.
        knobs: settings of the configs' top level, as on the command line.
    """

    def __init__(self, configs: tuple[str, ...], knobs: Mapping[str, Any]) -> None:
        parser = ConfigParser()
        parser.read_config([CONFIGS / name for name in configs])
        parser.update({"precision": "fp32", **knobs, HANDLERS: []})  # named: a job goes on on another machine
        torch.manual_seed(knobs["seed"])
        check_settings(**parser.get_parsed_content("settings"))
        self.trainer = parser.get_parsed_content(TRAINER)
        for name in ("restorer", "degrader", "poor_discriminator", "good_discriminator"):
            to_device(getattr(self.trainer, name), knobs["device"])
        self.ema = parser.get_parsed_content("ema")  # None where weights are not averaged; a copy, on the same device
        if self.ema is not None:
            self.ema.attach(self.trainer)
        monai_r2c.utils.keep_freed_memory()

    @property
    def restorer(self) -> nn.Module:
        return self.trainer.restorer if self.ema is None else self.ema.ema_model

    def run(self, goes_on: Callable[[], bool]) -> None:
        def stop_when_spent(engine: Engine) -> None:
            if not goes_on():
                engine.terminate()

        self.trainer.add_event_handler(Events.ITERATION_COMPLETED, stop_when_spent)
        self.trainer.run()

    def state(self) -> dict[str, Any]:
        objects = {name: thing.state_dict() for name, thing in self._objects().items()}
        return {"objects": objects, "iteration": self.trainer.state.iteration}

    def resume(self, state: dict[str, Any]) -> None:
        for name, thing in self._objects().items():
            if state["objects"][name]:  # a gradient scaler of fp32 has no state
                thing.load_state_dict(state["objects"][name])

        def go_to_iteration(engine: Engine) -> None:
            engine.state.iteration = state["iteration"]
            engine.state.epoch = state["iteration"] // engine.state.epoch_length

        self.trainer.add_event_handler(Events.STARTED, go_to_iteration)

    def _objects(self) -> dict[str, Any]:
        averaged = {} if self.ema is None else {"ema": self.ema.ema_model}
        return {**self.trainer.checkpoint_objects(), **self.trainer.process_objects(), **averaged}

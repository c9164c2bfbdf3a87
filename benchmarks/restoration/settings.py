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

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser
from monai.transforms import Compose

import monai_r2c  # noqa: F401  its transforms are named in the config
from monai_r2c.utils import InputError

HERE = Path(__file__).parent
CONFIG = HERE / "config.yaml"


@dataclass(frozen=True)
class Settings:
    """What `config.yaml` states; see the comments there."""

    contents: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        if name not in self.contents:
            raise AttributeError(f"config.yaml states no {name!r}.")
        return self.contents[name]

    def bed(self, name: str) -> dict[str, Any]:
        if name not in self.beds:
            raise InputError(f"bed: there is no {name!r}; config.yaml has {', '.join(self.beds)}.")
        return self.beds[name]

    def task_of(self, bed: str) -> str:
        """Which labels a bed's images have: an entry of `tasks`."""
        return str(self.bed(bed).get("task", "pneumonia"))

    def blend(self, name: str) -> dict[str, Compose]:
        """A blend's transforms of dictionaries, by the kind of fault; most blends have one kind, ``faults``."""
        if name not in self.blends:
            raise InputError(f"blend: there is no {name!r}; config.yaml has {', '.join(self.blends)}.")
        parser = ConfigParser(self.blends)
        return {kind: Compose(parser.get_parsed_content(f"{name}::{kind}")) for kind in self.blends[name]}

    def faults_of(self, bed: str) -> dict[str, Compose] | None:
        """The transforms that make a bed's poor images; None where they are poor already."""
        faults = self.bed(bed)["faults"]
        return None if faults is None else self.blend(faults.split("#")[-1])


def read_settings(minutes: float | None = None, **changes: Any) -> Settings:
    """Read `config.yaml`; `minutes` stand for those of every bed, `changes` for entries of the top level."""
    contents = {**yaml.safe_load(CONFIG.read_text(encoding="utf-8")), **changes}
    if minutes is not None:
        contents["beds"] = {name: {**bed, "minutes": minutes} for name, bed in contents["beds"].items()}
    return Settings(contents)

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
import os
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from monai_r2c.utils import InputError
from monai_r2c.utils.files import replaced_at_once

_LOGGER = logging.getLogger("monai_r2c.training")
_NAME = re.compile(r"epoch_(\d+)(?:_iteration_(\d+))?\.pt")
_FORMAT = "monai_r2c checkpoint 1"
# what torch raises on files that end early or are none of its own
_UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError)


class CheckpointFolder:
    """The checkpoint files of a run: ``epoch_0003.pt`` after epoch 3, ``epoch_0004_iteration_77.pt`` within epoch 4.

    A file appears when it is complete and on the disk, and an older one goes only after that.

    Args:
        path: of the folder; it is made with the first file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._unreadable: list[Path] = []

    def files(self) -> list[Path]:
        """Return the checkpoints, the newest last."""
        return sorted((path for path in self.path.glob("epoch_*.pt") if _NAME.fullmatch(path.name)), key=_age)

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """Read the newest checkpoint that can be read, with ``weights_only=True``; warn of those that cannot.

        Returns:
            Its path and contents on the CPU, or None when there is no readable one.
        """
        for path in reversed(self.files()):
            try:
                contents = torch.load(path, map_location="cpu", weights_only=True)
                if contents["format"] != _FORMAT:
                    raise ValueError("not a checkpoint of monai_r2c")
            except _UNREADABLE as error:
                _LOGGER.warning(f"{path}: cannot be read ({type(error).__name__}); trying the one before")
                self._unreadable.append(path)
            else:
                return path, contents
        return None

    def write(self, name: str, contents: Mapping[str, Any]) -> Path:
        """Write a checkpoint, all of it or nothing.

        Raises:
            OSError: when it cannot be written, for a full disk for instance; nothing is left behind then.
        """
        self.clean()
        path = self.path / name
        with replaced_at_once(path) as partial, partial.open("wb") as file:
            torch.save({**contents, "format": _FORMAT}, file)
        return path

    def prune(self, keep: int, *always: str) -> None:
        """Remove all but the newest `keep` checkpoints and those named in `always`."""
        for path in self.files()[:-keep]:
            if path.name not in always:
                path.unlink()

    def clean(self) -> None:
        """Remove what a killed write left, and set aside the files that could not be read."""
        for partial in self.path.glob(".partial-*"):
            partial.unlink()
        while self._unreadable:
            path = self._unreadable.pop()
            if path.exists():
                path.replace(path.with_name(f"{path.name}.unreadable"))

    def require_empty(self) -> None:
        """Refuse to mix two runs.

        Raises:
            InputError: when the folder holds checkpoints.
        """
        if self.files():
            raise InputError(
                f"{self.path}: holds checkpoints of an earlier run; give --resume True to continue it, or another "
                "--output_dir."
            )


def _age(path: Path) -> tuple[int, float]:
    matched = _NAME.fullmatch(path.name)
    assert matched is not None
    epoch, iteration = matched.groups()
    return int(epoch), float("inf") if iteration is None else int(iteration)

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
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from monai_r2c.utils import InputError
from monai_r2c.utils.extras import require

_VARIABLE = re.compile(r"(?P<network>[^/]+)/(?P<path>layer_with_weights-.+)/\.ATTRIBUTES/VARIABLE_VALUE")
_IN_LAYER = {"kernel": 0, "gamma": 0, "bias": 1, "beta": 1}


def read_tensorflow_checkpoint(directory: str | os.PathLike) -> dict[str, dict[str, np.ndarray]]:
    """Read the network variables of the newest checkpoint in a directory that ``tf.train.Checkpoint`` wrote.

    Args:
        directory: holds ``checkpoint`` and the files that it names; the path of one checkpoint without its suffix
            (``.../ckpt-7``) is taken too.

    Returns:
        For each network (``G_A2B``, ``G_B2A``, ``D_A``, ``D_B``) its variables by name, in Keras order; optimizer slots
        and counters are left out.

    Raises:
        InputError: when TensorFlow is not installed, or there is no readable checkpoint.
    """
    path = Path(directory)
    prefix = _newest(path) if path.is_dir() else path
    if not Path(f"{prefix}.index").is_file():
        raise InputError(f"{prefix}: no TensorFlow checkpoint there (no {prefix.name}.index); give its directory.")
    reader = _open(prefix)
    found: dict[str, list[str]] = {}
    for name in reader.get_variable_to_shape_map():
        match = _VARIABLE.fullmatch(name)
        if match and ".OPTIMIZER_SLOT" not in name:
            found.setdefault(match["network"], []).append(name)
    return {
        network: {name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE"): reader.get_tensor(name) for name in ordered}
        for network, names in found.items()
        for ordered in (sorted(names, key=_keras_order),)
    }


def _newest(directory: Path) -> Path:
    """The checkpoint that the directory's ``checkpoint`` file names as the newest."""
    index = directory / "checkpoint"
    if not index.is_file():
        raise InputError(f"{directory}: no TensorFlow checkpoint there; expected a file called checkpoint.")
    match = re.search(r'^model_checkpoint_path: "(.+)"$', index.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise InputError(f"{index}: names no model_checkpoint_path.")
    return directory / Path(match[1]).name  # an absolute path is that of the machine it was trained on


def _open(prefix: Path):  # type: ignore[no-untyped-def]  # a TensorFlow type
    train = require("tensorflow", "tensorflow", "a TensorFlow checkpoint").train
    try:
        return train.load_checkpoint(str(prefix))
    except Exception as error:  # TensorFlow raises its own status classes
        reason = str(error).splitlines()[0]
        raise InputError(f"{prefix}: cannot be read as a TensorFlow checkpoint: {reason}") from error


def _keras_order(name: str) -> tuple[list[int], int]:
    path = name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE").split("/")
    numbers = [int(number) for part in path for number in re.findall(r"^(?:layer_with_weights-)?(\d+)$", part)]
    return numbers, _IN_LAYER.get(path[-1], 2)


def require_networks(variables: Mapping[str, object], names: list[str], where: str | os.PathLike) -> None:
    """Refuse a checkpoint without the networks in `names`.

    Raises:
        InputError: with the missing network and those that are there.
    """
    for name in names:
        if name not in variables:
            raise InputError(f"{where}: holds no {name}; it has {', '.join(sorted(variables)) or 'no network'}.")

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

"""Where the classes that these pages name are documented: the API links to them, and no network is needed to build."""

from __future__ import annotations

import zlib
from pathlib import Path

# base address, and of each role the page of a name; {} is the full name, or its last part where the page says so
PROJECTS = {
    "python": (
        "https://docs.python.org/3/",
        {
            "pathlib.Path": "library/pathlib.html#pathlib.Path",
            "collections.abc.Sequence": "library/collections.abc.html#collections.abc.Sequence",
            "collections.abc.Mapping": "library/collections.abc.html#collections.abc.Mapping",
            "collections.abc.Callable": "library/collections.abc.html#collections.abc.Callable",
            "collections.abc.Iterable": "library/collections.abc.html#collections.abc.Iterable",
            "collections.abc.Iterator": "library/collections.abc.html#collections.abc.Iterator",
            "typing.Any": "library/typing.html#typing.Any",
            "typing.Literal": "library/typing.html#typing.Literal",
            "str": "library/stdtypes.html#str",
            "int": "library/functions.html#int",
            "float": "library/functions.html#float",
            "bool": "library/functions.html#bool",
            "dict": "library/stdtypes.html#dict",
            "list": "library/stdtypes.html#list",
            "tuple": "library/stdtypes.html#tuple",
            "os.PathLike": "library/os.html#os.PathLike",
        },
    ),
    "torch": (
        "https://docs.pytorch.org/docs/stable/",
        {
            "torch.Tensor": "tensors.html#torch.Tensor",
            "torch.device": "tensor_attributes.html#torch.device",
            "torch.dtype": "tensor_attributes.html#torch.dtype",
            "torch.nn.Module": "generated/torch.nn.Module.html",
            "torch.optim.Optimizer": "optim.html#torch.optim.Optimizer",
            "torch.nn.Conv2d": "generated/torch.nn.Conv2d.html",
            "torch.utils.data.Dataset": "data.html#torch.utils.data.Dataset",
            "torch.utils.data.DataLoader": "data.html#torch.utils.data.DataLoader",
            "torch.utils.data.Sampler": "data.html#torch.utils.data.Sampler",
        },
    ),
    "monai": (
        "https://docs.monai.io/en/stable/",
        {
            "monai.data.MetaTensor": "data.html#monai.data.MetaTensor",
            "monai.data.meta_tensor.MetaTensor": "data.html#monai.data.MetaTensor",
            "monai.engines.Evaluator": "engines.html#evaluator",
            "monai.engines.evaluator.Evaluator": "engines.html#evaluator",
            "monai.engines.Trainer": "engines.html#trainer",
            "monai.engines.trainer.Trainer": "engines.html#trainer",
            "monai.inferers.Inferer": "inferers.html#inferer",
            "monai.inferers.inferer.Inferer": "inferers.html#inferer",
            "monai.metrics.CumulativeIterationMetric": "metrics.html#cumulativeiterationmetric",
            "monai.metrics.metric.CumulativeIterationMetric": "metrics.html#cumulativeiterationmetric",
            "monai.transforms.Transform": "transforms.html#transform",
            "monai.transforms.transform.Transform": "transforms.html#transform",
            "monai.transforms.transform.RandomizableTransform": "transforms.html#randomizabletransform",
            "monai.transforms.transform.MapTransform": "transforms.html#maptransform",
            "monai.networks.blocks.Convolution": "networks.html#convolution",
        },
    ),
    "ignite": (
        "https://docs.pytorch.org/ignite/",
        {
            "ignite.engine.Engine": "generated/ignite.engine.engine.Engine.html",
            "ignite.engine.engine.Engine": "generated/ignite.engine.engine.Engine.html",
            "ignite.engine.events.Events": "generated/ignite.engine.events.Events.html",
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        {"numpy.ndarray": "reference/generated/numpy.ndarray.html"},
    ),
}


def write_inventories(folder: Path) -> dict[str, tuple[str, str]]:
    """Write an inventory of each project, and return what `intersphinx_mapping` wants."""
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for name, (address, places) in PROJECTS.items():
        lines = "".join(f"{full} py:class 1 {place} -\n" for full, place in places.items())
        head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n# The rest is compressed using zlib.\n"
        path = folder / f"{name}.inv"
        path.write_bytes(head.encode() + zlib.compress(lines.encode()))
        mapping[name] = (address, str(path))
    return mapping

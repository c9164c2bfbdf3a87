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
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch.nn as nn

from monai_r2c.data import Datalist


def describe_run(
    images: Datalist | None, settings: Mapping[str, Any], network: nn.Module | None, output_dir: str, epoch_length: int
) -> list[tuple[str, str]]:
    """Say what a run is about to do, as pairs of a heading and a line; what is not known is left out.

    Args:
        images: of the run.
        settings: of the config by name, such as ``image_size``, ``precision`` and ``max_epochs``.
        network: the restorer.
        output_dir: where the run writes.
        epoch_length: steps of an epoch.
    """
    lines = []
    if images is not None:
        lines.append(("images", _images(images)))
    sizes = [f"crops of {settings['image_size']} pixels a side"] if "image_size" in settings else []
    sizes += [f"{settings['channels']} channel{'s' * (settings['channels'] != 1)}"] if "channels" in settings else []
    if sizes:
        lines.append(("size", ", ".join(sizes)))
    if network is not None:
        count = sum(parameter.numel() for parameter in network.parameters())
        kind = _kind(network, settings)
        lines.append(
            (
                "network",
                ", ".join(
                    [
                        type(network).__name__,
                        *kind,
                        f"{count / 1e6:.2f} million parameters" if count >= 1e5 else f"{count} parameters",
                    ]
                ),
            )
        )
    if "precision" in settings:
        lines.append(("precision", f"{settings['precision']} on {settings.get('device', 'cpu')}"))
    if "max_epochs" in settings:
        steps = f"{settings['max_epochs']} epochs of {epoch_length} steps"
        lines.append(("run", f"{steps}, batches of {settings.get('batch_size', 1)}; writes to {output_dir}"))
    return lines


def describe_end(output_dir: Path, best: Any) -> list[tuple[str, str]]:
    """Say where a run has left what, as pairs of a heading and a line; what does not exist is left out.

    Args:
        output_dir: of the run.
        best: the `BestModel` of the run, or None.
    """
    found = []
    for heading, name in (
        ("model", "model.pt"),
        ("panels", "panels"),
        ("scores of each epoch", "metrics.csv"),
        ("to continue from", "checkpoints"),
        ("TensorBoard", "tensorboard"),
    ):
        if (output_dir / name).exists():
            known = heading == "model" and best is not None and best.evaluator is not None and best.epoch
            about = f" (epoch {best.epoch}, {best.key_metric} {best.value:.4g})" if known else ""
            found.append((heading, f"{output_dir / name}{about}"))
    return found


def next_commands(output_dir: Path, is_complete: bool) -> list[str]:
    """Return the commands that go on from here: as they were given, for a run of MONAI's bundle command."""
    given = list(getattr(sys, "orig_argv", []))[1:]
    if "monai.bundle" not in given or "WORLD_SIZE" in os.environ:  # torchrun's own flags are not known here
        return []
    if not is_complete:
        kept = _without(given, "--resume")
        return [f"python {shlex.join(kept)} --resume True"] if (output_dir / "checkpoints").is_dir() else []
    config = next((value for flag, value in pairwise(given) if flag == "--config_file"), "configs/train.yaml")
    train = next((part for part in _names(config) if part.endswith("train.yaml")), "configs/train.yaml")
    files = f"['{train}','{train.removesuffix('train.yaml')}evaluate.yaml']"
    out = shlex.quote(str(output_dir))
    commands = [f'python -m monai.bundle run evaluating --config_file "{files}" --output_dir {out}']
    if (output_dir / "model.pt").is_file():
        model = shlex.quote(str(output_dir / "model.pt"))
        commands.append(f"python -m monai_r2c restore IMAGES --model {model} --output restored")
    return [*commands, f"tensorboard --logdir {shlex.quote(str(output_dir / 'tensorboard'))}"]


def describe_seconds(seconds: float) -> str:
    """Write a duration as people say it: 45 s, 3 min 20 s, 5 h 12 min, 3 d 4 h."""
    whole = max(0, round(seconds))
    for unit, name, below, below_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {below_name}" if rest else "")
    return f"{whole} s" if seconds >= 1 else f"{seconds:.2f} s"


def _images(images: Datalist) -> str:
    counts = Counter((entry.section, entry.domain, entry.label) for entry in images.entries)
    parts = []
    for section in dict.fromkeys(entry.section for entry in images.entries):
        domains = []
        for domain in ("poor", "good"):
            of_classes = [counts[section, domain, label] for label in range(len(images.classes))]
            shown = ", ".join(f"{name} {count}" for name, count in zip(images.classes, of_classes))
            domains.append(f"{sum(of_classes)} {domain} ({shown})")
        parts.append(f"{section} {' and '.join(domains)}")
    return "; ".join(parts)


def _names(config: str) -> Sequence[str]:
    return [part.strip(" '\"") for part in config.strip("[]").split(",")]


def _without(given: Sequence[str], flag: str) -> list[str]:
    kept: list[str] = []
    skip = False
    for part in given:
        if not skip and part != flag and not part.startswith(f"{flag}="):
            kept.append(part)
        skip = part == flag
    return kept


def _kind(network: nn.Module, settings: Mapping[str, Any]) -> list[str]:
    """Architecture of a restorer; of a native one, that of the network that sees the whole image."""
    whole = getattr(network, "whole", network)
    if hasattr(whole, "network"):
        return [str(whole.network)] + ([f"order {whole.order}"] if whole.order else [])
    kind = [str(settings["variant"])] if "variant" in settings else []
    return kind + ([f"order {settings['order']}"] if settings.get("variant") == "operational" else [])

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

import json
import platform
import subprocess
from pathlib import Path
from typing import Any

from monai_r2c.utils import InputError
from monai_r2c.utils.files import write_text_atomically

from .settings import HERE

RESULTS = HERE / "results"
CLASSES = "classes"  # folder of the results of classification
SHORTER = "minutes_"


def result_path(folder: Path, bed: str, method: str, seed: int) -> Path:
    """Where the result of a run stands; `folder` is `folder_of` the minutes."""
    return folder / bed / f"{method}-{seed}.json"


def folder_of(results: Path, minutes: float | None) -> Path:
    """Results of trainings of fewer minutes than `config.yaml` states stand apart."""
    return results if minutes is None else results / f"{SHORTER}{minutes:g}"


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write one run of one method on one bed; scores stand in columns, an image a row."""
    write_json(result_path(folder, result["bed"], result["method"], result["seed"]), result)


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write plain values with four decimals, a line for each entry."""
    text = json.dumps(_rounded(result), separators=(",", ":"), allow_nan=True)
    lines = [f'"{key}":{json.dumps(value, separators=(",", ":"))}' for key, value in json.loads(text).items()]
    write_text_atomically(path, "{\n" + ",\n".join(lines) + "\n}\n")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a list of plain values with four decimals, an entry a line."""
    lines = [json.dumps(_rounded(row), separators=(",", ":"), allow_nan=True) for row in rows]
    write_text_atomically(path, "[\n" + ",\n".join(lines) + "\n]\n")


def read_shorter_results(folder: Path = RESULTS) -> dict[float, list[dict[str, Any]]]:
    """Results of trainings of fewer minutes, by the minutes; filters, which need none, are among them."""
    filters = [result for result in read_results(folder) if result["kind"] == "filter"]
    found = {float(path.name.removeprefix(SHORTER)): path for path in sorted(folder.glob(f"{SHORTER}*"))}
    return {minutes: [*filters, *read_results(path)] for minutes, path in found.items()}


def read_results(folder: Path = RESULTS, bed: str | None = None) -> list[dict[str, Any]]:
    """All results, or those of a bed, in order of their paths.

    Raises:
        InputError: when two results of a bed were not made from the same images.
    """
    paths = [path for path in sorted(folder.glob(f"{bed or '*'}/*-*.json")) if path.parent.name != CLASSES]
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    digests: dict[str, tuple[str, Path]] = {}
    for path, result in zip(paths, results):
        digest, first = digests.setdefault(result["bed"], (result["images"], path))
        if result["images"] != digest:
            raise InputError(f"{path}: was made from other images ({result['images']}) than {first} ({digest}).")
    return results


def host() -> dict[str, str]:
    """What the minutes of a result depend on."""
    return {"processor": _processor(), "python": platform.python_version(), "system": platform.system()}


def commit() -> str:
    """Short name of the last commit of the package and the bundle, with a plus where files differ from it."""
    parts = ("monai_r2c", "bundles")
    name = _git("log", "-1", "--format=%h", "--", *parts)
    return name + "+" * bool(_git("status", "--porcelain", "--untracked-files=no", *parts))


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=HERE.parents[1], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _processor() -> str:
    stated = Path("/proc/cpuinfo")
    lines = stated.read_text(encoding="utf-8").splitlines() if stated.is_file() else []
    facts = dict(line.replace("\t", "").split(": ", 1) for line in lines if ": " in line)
    widest = next((name for name in ("avx512f", "avx2") if name in facts.get("flags", "").split()), "")
    family = f"family {facts['cpu family']}" if "cpu family" in facts else ""  # names are shared by generations
    return " ".join(filter(None, (facts.get("model name", platform.machine()), family, widest)))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    return value

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
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from monai_r2c.networks import model_digest
from monai_r2c.utils.files import write_text_atomically

from .bounds import BOUNDS, bounds_of
from .cases import BLENDS, EDGES, LARGE, cases_of
from .methods import TITLES, Models, make_method
from .scores import score

HERE = Path(__file__).parent
RESULTS = HERE / "results"
DOCS = HERE.parents[1] / "docs/source"
_BEDS = (*BLENDS, EDGES, LARGE)
_COST_SIZE = 3072

_data = click.option("--data", type=click.Path(path_type=Path), default=Path("../shared/data"), show_default=True)
_work = click.option("--work", type=click.Path(path_type=Path), default=Path("runs/native"), show_default=True)
_model_option = click.option(
    "--model", type=click.Path(path_type=Path), help="A model.pt that keeps native detail, or box."
)
_before_option = click.option("--before", type=click.Path(path_type=Path), help="A model.pt of the working size.")


def _models(command: Callable) -> Callable:
    return _model_option(_before_option(command))


_results = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=RESULTS,
    help="Folder of results.  [default: the docs']",
)
_method = click.option("--method", "methods", multiple=True, type=click.Choice(list(TITLES)), help="[default: all]")


@click.group()
def main() -> None:
    """Scores ways to restore at the size that radiographs have; results go to benchmarks/native/results."""


@main.command()
@click.option("--bed", "beds", multiple=True, type=click.Choice(_BEDS), help="[default: all]")
@_method
@_models
@click.option("--most", type=click.IntRange(min=1), help="Images of each bed, for a quick look.")
@_data
@_work
@_results
def run(
    beds: tuple[str, ...],
    methods: tuple[str, ...],
    model: Path | None,
    before: Path | None,
    most: int | None,
    data: Path,
    work: Path,
    results: Path,
) -> None:
    """Score methods on beds, on one thread; what is done already is left out, image by image."""
    torch.set_num_threads(1)
    for bed in beds or _BEDS:
        models = Models(model, before)
        made = [make_method(name, bed, models) for name in _wanted(methods, models)]
        files = {method.name: _open(results / bed / f"{method.name}.json", method.settings) for method in made}
        for case in cases_of(bed, data, work)[:most]:
            left = [method for method in made if case.name not in files[method.name]["images"]]
            if not left:
                continue
            clean, poor = case.pair()
            for method in left:
                start = time.perf_counter()
                restored = method.apply(poor)
                seconds = time.perf_counter() - start
                scores = score(restored, clean, case.has_edges)
                files[method.name]["images"][case.name] = {
                    "group": case.group,
                    "kind": case.kind,
                    "scores": {name: round(value, 4) for name, value in scores.items()},
                }
                _save(results / bed / f"{method.name}.json", files[method.name])
                click.echo(f"{bed} {case.name} {method.name}: {scores['psnr']:.2f} dB, {seconds:.1f} s")


@main.command()
@_method
@_models
@_results
def costs(methods: tuple[str, ...], model: Path | None, before: Path | None, results: Path) -> None:
    """Time on two threads and peak memory of each method for an image of 3072 x 3072, each in a process of its own."""
    path = results / "costs.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    given = {"--model": model, "--before": before}
    options = [part for option, path in given.items() if path for part in (option, str(path))]
    for name in _wanted(methods, Models(model, before)):
        if name == "poor":
            continue
        command = [sys.executable, "-m", "benchmarks.native", "one", name, *options]
        threads = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
        found[name] = json.loads(subprocess.run(command, check=True, stdout=-1, env={**os.environ, **threads}).stdout)
        _save(path, found)
        click.echo(f"{name}: {found[name]}")


@main.command()
@click.option("--model", type=click.Path(path_type=Path), default=Path("box"), show_default=True)
@click.option("--most", type=click.IntRange(min=1), help="Images of each bed, for a quick look.")
@_data
@_work
@_results
def bounds(model: Path, most: int | None, data: Path, work: Path, results: Path) -> None:
    """SSIM of a native model, and what it would be if it were told what it has to guess."""
    torch.set_num_threads(1)
    found = {bed: bounds_of(bed, model, data, work, most) for bed in BLENDS}
    _save(results / "bounds.json", {"model": model_digest(model)[:12], **found})
    for bed, scores in found.items():
        click.echo(f"{bed}: " + ", ".join(f"{BOUNDS[name]} {value:.3f}" for name, value in scores.items()))


@main.command(hidden=True)
@click.argument("name", type=click.Choice(list(TITLES)))
@_models
@click.option("--size", type=int, default=_COST_SIZE)
def one(name: str, model: Path | None, before: Path | None, size: int) -> None:
    """One method on one image, for `costs`."""
    torch.set_num_threads(2)
    method = make_method(name, BLENDS[-1], Models(model, before))
    image = torch.rand(1, size // 8, size // 8, generator=torch.Generator().manual_seed(0))
    image = torch.nn.functional.interpolate(image[None], (size, size), mode="bicubic").clamp(0, 1)[0]
    method.apply(image[:, :256, :256])  # what is made once
    start = time.perf_counter()
    method.apply(image)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"megapixels_per_second": round(size**2 / 1e6 / seconds, 3), "peak_mib": round(peak)}
    click.echo(json.dumps({**result, **method.settings}))


@main.command()
@_models
@click.option("--figures/--no-figures", default=True, help="Draw the crops too, which needs the radiographs.")
@_data
@_work
@_results
def page(model: Path | None, before: Path | None, figures: bool, data: Path, work: Path, results: Path) -> None:
    """Write the tables of the docs from the results, and the crops at 1:1."""
    from .crops import draw_crops
    from .tables import tables

    write_text_atomically(DOCS / "figures/native_results.inc", tables(results))
    if figures:
        draw_crops(DOCS / "figures/native_crops.png", data, work, Models(model, before))


def _wanted(methods: tuple[str, ...], models: Models) -> list[str]:
    """The methods to run: those named, or all that the given models allow."""
    if refused := [name for name in methods if not models.allow(name)]:
        raise click.UsageError(f"--method {refused[0]}: needs --model or --before.")
    return [name for name in TITLES if name in (methods or TITLES) and models.allow(name)]


def _open(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The results of a method so far; of other settings none are."""
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["settings"] == settings:
            return found
    return {"settings": settings, "images": {}}


def _save(path: Path, contents: dict[str, Any]) -> None:
    if "images" in contents:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in contents["images"].items())
        text = f'{{"settings": {json.dumps(contents["settings"])},\n"images": {{\n{lines}\n}}}}\n'
    else:
        text = json.dumps(contents, indent=1) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, text)


if __name__ == "__main__":
    main()

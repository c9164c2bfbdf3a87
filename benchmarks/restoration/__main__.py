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
from pathlib import Path

import click

from monai_r2c.utils import InputError

from .beds import Bed, make_bed
from .classification import read_class_results, run_class_jobs
from .exposure import EXPOSURE, measure_exposure, read_exposure
from .job import run_job
from .on_gpu import ON_GPU, measure_on_gpu
from .page import longest, render, write_page
from .radiographs import LISTS, check_data, list_collection, read_list, write_list
from .rejudge import judged_again
from .results import RESULTS, folder_of, read_results, read_shorter_results, write_result, write_rows
from .runner import jobs_of, run_jobs
from .settings import read_settings
from .strips import keep_strips
from .summary import common_seeds, difference, of_one_judge

FOLDER = click.Path(path_type=Path, file_okay=False)
work_option = click.option(
    "--work", type=FOLDER, default=Path("runs/restoration"), show_default=True, help="Beds, weights, checkpoints, logs."
)
data_option = click.option("--data", type=FOLDER, required=True, help="Folder of the images of radiographs.csv.")
minutes_option = click.option(
    "--minutes", type=float, help="Of each training, fewer than config.yaml states; a later run without it goes on."
)
results_option = click.option("--results", type=FOLDER, default=RESULTS, help="Folder of the JSON files.")


class OneLine(click.Group):
    """Ends with one line where the input is wrong."""

    def invoke(self, context: click.Context) -> None:
        try:
            super().invoke(context)
        except InputError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=OneLine)
def main() -> None:
    """Compares methods of restoration on the same radiographs for equal minutes; see docs/source/results.md."""


@main.command("list-data")
@data_option
def list_data(data: Path) -> None:
    """Write the lists of the images used from a collection's manifest.csv."""
    for task, path in LISTS.items():
        radiographs = list_collection(data, task)
        write_list(radiographs, path)
        click.echo(f"{path}: {len(radiographs)} images")


@main.command("check-data")
@data_option
def check_the_data(data: Path) -> None:
    """Compare a folder of your own with the lists of the images used, pixel by pixel."""
    for task, path in LISTS.items():
        radiographs = read_list(task)
        check_data(data, radiographs)
        click.echo(f"{data}: all {len(radiographs)} images of {path.name} are there")


@main.command()
@data_option
@work_option
@click.option("--bed", "beds", multiple=True, help="Name; may be given several times. Default: all.")
def beds(data: Path, work: Path, beds: tuple[str, ...]) -> None:
    """Make the test beds: images, references and bed.json; the same bytes for the same config.yaml."""
    settings = read_settings()
    for name in beds or settings.beds:
        bed = make_bed(name, data, work / "beds" / name, read_list(settings.task_of(name)), settings)
        click.echo(f"{bed.folder}: {len(bed.images)} images, {bed.digest}")


@main.command()
@click.option("--bed", required=True)
@click.option("--jobs", default=1, show_default=True, help="Methods side by side, one thread each.")
@click.option("--methods", default="", help="Names with commas. Default: all.")
@click.option("--seeds", default="", help="Numbers with commas. Default: those that config.yaml states for the bed.")
@click.option("--data", type=FOLDER, help="See `beds`; needed when a bed has not been made yet.")
@minutes_option
@work_option
@results_option
def run(
    bed: str,
    jobs: int,
    methods: str,
    seeds: str,
    data: Path | None,
    minutes: float | None,
    work: Path,
    results: Path,
) -> None:
    """Run all methods on a bed; goes on where an earlier run was ended."""
    settings, results = read_settings(minutes), folder_of(results, minutes)
    first = next(iter(settings.beds))
    for name in dict.fromkeys((first, bed)):
        if not (work / "beds" / name / "bed.json").is_file() and data is not None:
            make_bed(name, data, work / "beds" / name, read_list(settings.task_of(name)), settings)
    opened = Bed(work / "beds" / bed, settings)
    if any(result["images"] != opened.digest for result in read_results(results, bed)):
        raise InputError(
            f"{results / bed}: holds results of other images than {opened.folder}; give another --results."
        )
    numbers = [int(seed) for seed in seeds.split(",")] if seeds else settings.bed(bed)["seeds"]
    chosen = jobs_of(bed, [name for name in methods.split(",") if name], numbers, settings)
    failed = run_jobs(chosen, jobs, work, results, settings, minutes)
    if failed:
        raise click.ClickException(f"{failed} failed; their results say why.")


@main.command(hidden=True)
@click.option("--bed", required=True)
@click.option("--method", required=True)
@click.option("--seed", required=True, type=int)
@minutes_option
@work_option
@results_option
def job(bed: str, method: str, seed: int, minutes: float | None, work: Path, results: Path) -> None:
    """Run one method with one seed on one bed; `run` starts these."""
    write_result(results, run_job(method, bed, seed, work, read_settings(minutes)))


@main.command("judge-again")
@click.option("--bed", "beds", multiple=True, help="Name; may be given several times. Default: all.")
@work_option
@results_option
def judge_again(beds: tuple[str, ...], work: Path, results: Path) -> None:
    """Let the kept judge score what another one scored, from the restored images in the work folder."""
    settings = read_settings()
    for name in beds or settings.beds:
        for result in judged_again(name, work, results, settings):
            write_result(results, result)
            click.echo(f"{name}/{result['method']}/{result['seed']}: {result['distances']}")


@main.command()
@click.option("--classifiers", default="", help="Names with commas. Default: all.")
@click.option("--bed", "beds", multiple=True, help="Name; may be given several times. Default: all that are stated.")
@click.option("--minutes", type=float, help="That the restorers were trained for, where fewer than config.yaml states.")
@work_option
@results_option
def classify(classifiers: str, beds: tuple[str, ...], minutes: float | None, work: Path, results: Path) -> None:
    """Train and score classifiers on poor, restored and good images; goes on where it was ended."""
    names = [name for name in classifiers.split(",") if name]
    run_class_jobs(work, folder_of(results, minutes), read_settings(minutes), names, beds)


@main.command()
@click.option("--bed", required=True)
@click.option("--methods", required=True, help="Names with commas.")
@click.option("--seeds", default="0", show_default=True, help="Numbers with commas.")
@work_option
@results_option
def exposure(bed: str, methods: str, seeds: str, work: Path, results: Path) -> None:
    """Measure how well methods find the exposure of the originals; trains what is not trained in the work folder."""
    settings, numbers = read_settings(), [int(seed) for seed in seeds.split(",")]
    there = next((found["rows"] for found in read_exposure(results) if found["bed"] == bed), [])
    rows = {(row["method"], row["seed"]): row for row in there}
    for name in methods.split(","):
        for seed in numbers:
            rows[name, seed] = measure_exposure(name, seed, work, bed, settings)
    write_rows(results / EXPOSURE / f"{bed}.json", [rows[key] for key in sorted(rows)])


@main.command("on-gpu")
@click.option("--bed", default="unknown", show_default=True)
@click.option("--method", default="recipe_unet", show_default=True, help="One that the bundle trains.")
@click.option("--seed", default=0, show_default=True)
@click.option("--minutes", default=2.0, show_default=True, help="Of the clock.")
@click.option("--look", default=0.05, show_default=True, help="Minutes between two looks at the validation.")
@click.option("--device", default="cuda", show_default=True)
@click.option("--batch", default=1, show_default=True)
@click.option("--workers", default=8, show_default=True, help="Processes that degrade images.")
@click.option("--precision", default="fp32", show_default=True)
@work_option
@results_option
def on_gpu(
    bed: str,
    method: str,
    seed: int,
    minutes: float,
    look: float,
    device: str,
    batch: int,
    workers: int,
    precision: str,
    work: Path,
    results: Path,
) -> None:
    """Measure after how many minutes on a GPU a method has on validation what it has on the CPU in its minutes."""
    settings = read_settings(minutes, device=device, look=look)
    knobs = {"batch_size": batch, "num_workers": workers, "precision": precision}
    row = measure_on_gpu(method, seed, bed, work, results, settings, **knobs)
    path = results / ON_GPU / f"{bed}.json"
    there = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    write_rows(path, [*there, row])
    reached = row["reached_after"]
    when = "not reached" if reached is None else f"reached after {reached:.2f} min"
    print(f"SSIM {row['ssim_cpu']:.4f} of {row['minutes_cpu']:.1f} min on the CPU: {when}; {row['steps']} steps")


@main.command()
@click.argument("method")
@click.argument("other")
@click.option("--bed", required=True)
@results_option
def compare(method: str, other: str, bed: str, results: Path) -> None:
    """Print by how much METHOD differs from OTHER on a bed, image by image, over the seeds that both have."""
    there = of_one_judge(result for result in read_results(results, bed) if "error" not in result)
    runs, others = ([result for result in there if result["method"] == name] for name in (method, other))
    seeds = common_seeds(runs, others)
    if not seeds or method == other:
        raise InputError(f"{bed}: {method} and {other} must be two methods with results of the same seed.")
    hosts = sorted({result["host"]["processor"] for result in runs + others if result["seed"] in seeds})
    print(f"{method} less {other}, {bed}, seeds {', '.join(map(str, seeds))}, on {', '.join(hosts)}")
    for name, found in difference(runs, others).items():
        print(f"{name}: {found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})")


@main.command()
@click.option("--work", type=FOLDER, help="Of the runs: keep what the panels show of its restored images.")
@results_option
def page(work: Path | None, results: Path) -> None:
    """Write docs/source/results.md and its figures from the results."""
    from .figures import draw_curves, draw_panel  # matplotlib belongs to the docs extra

    settings, found, shorter = read_settings(), read_results(results), read_shorter_results(results)
    for bed in settings.beds:
        there = [result for results in (found, *shorter.values()) for result in results if result["bed"] == bed]
        there = longest(there)
        draw_curves(bed, there)
        if work is not None:
            keep_strips(bed, there, work, results)
        draw_panel(bed, there, results)
    write_page(render(found, shorter, read_class_results(results), settings, read_exposure(results)))


if __name__ == "__main__":
    main()
